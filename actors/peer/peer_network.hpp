#pragma once

#include "actors/peer/handles.hpp"
#include "actors/peer/link_core.hpp"
#include "actors/peer/peer_counters.hpp"
#include "actors/peer/socket.hpp"
#include "actors/peer/waiting_room.hpp"
#include "actors/tls/tls_context.hpp"
#include "messages/clock.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::peer {

/// How one member takes part in the peer network.
struct peer_config {
  own_identity own;
  /// The highest boot count that is known of each other member, from the state; may be empty.
  std::map<member_id, boot_count> known_boots;
  /// Without TLS: loopback or a network that is trusted as the machine itself.
  std::vector<host_and_port> listen;
  /// None: plain TCP. Then only peers with "http" URLs are reached, else only those with "https".
  std::optional<tls::tls_options> tls;
  /// What a peer may announce at once; a connection with more ends. Well above what a member sends:
  /// the largest entry, for an append holds at least one, and 64 KiB for what is around it.
  std::size_t max_message_bytes = std::size_t{8} << 20;
  /// Bytes on their way to one peer, wherever they wait, above which messages to it are dropped.
  /// The one that reaches it may go beyond.
  std::uint64_t max_unconfirmed_bytes = std::uint64_t{16} << 20;
  waiting_room::limits newcomers;
  /// From the TCP connection to the first byte of a peer, TLS included.
  std::chrono::milliseconds newcomer_deadline{2000};
  /// How often a connection attempt begins anew while it lasts (`dialer`), and how long it lasts.
  std::chrono::milliseconds dial_interval{100};
  std::chrono::milliseconds dial_patience{1000};
  link_timing timing;
  /// Of all pauses.
  std::uint64_t seed = 0;
  std::shared_ptr<const clock> time;
  std::shared_ptr<peer_counters> counters = std::make_shared<peer_counters>();
  /// A hello was refused; from any thread, perhaps every few seconds. `by_peer`: the other end
  /// refused ours. With `removed` this member was removed from the cluster; with `older_boot` and
  /// `second_process` its data directory is not what it was.
  std::function<void(member_id peer, hello_refusal reason, bool by_peer)> refused;
};

/// The peer port of one member and its links to all others: an actor system of its own, with one
/// I/O thread for all connections, one thread for the door and one for each link's attempts to
/// connect. Several may live in one process.
class peer_network {
public:
  /// Binds; who connects waits until `start`. @throws std::system_error naming the address that
  /// cannot be bound, tls::tls_error naming the file that cannot be used.
  explicit peer_network(peer_config config);

  /// Ends all connections and returns when none of its actors runs any more.
  ~peer_network();

  peer_network(const peer_network&) = delete;
  peer_network& operator=(const peer_network&) = delete;

  /// As bound: with the ports that were chosen.
  const std::vector<host_and_port>& addresses() const;

  /// Lets peers in, once. What they say goes to `member`. Links begin with the first
  /// `configuration_changed` that the manager gets from whoever knows it, and the listener is told
  /// of them. Both actors may end before the network, their system only after it.
  peer_manager_actor start(raft::peer_handle member, network_listener listener);

  /// Reads the certificates anew at once instead of within a second of their change.
  /// @returns why they cannot be used; then the old ones stay.
  std::optional<std::string> reload_certificates();

  /// For who lost and refused certificates are a metric; zeros without TLS.
  tls::tls_context::reload_counts certificate_reloads() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace troupe::peer
