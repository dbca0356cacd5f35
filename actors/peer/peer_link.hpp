#pragma once

#include "actors/peer/connector.hpp"
#include "actors/peer/handles.hpp"
#include "actors/peer/link_core.hpp"
#include "actors/peer/peer_counters.hpp"
#include "actors/peer/wire.hpp"

#include <caf/actor.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace troupe::peer {

/// The way to one other member: takes what Raft says to it and passes it on while the connection is
/// up. What cannot be passed on is dropped; Raft repeats. `link_core` draws its states.
using peer_link_actor =
  raft::peer_handle::extend<caf::reacts_to<tick>,
                            // From the other end of the connection.
                            caf::reacts_to<hello_v1>, caf::reacts_to<hello_refused_v1>,
                            caf::reacts_to<pong_v1>,
                            // From the manager: the last message.
                            caf::reacts_to<end_peers>>;

/// What a link and a session need to know of their network.
struct network_parts {
  std::shared_ptr<const clock> time;
  std::shared_ptr<peer_counters> counters;
  network_listener listener;
  peer_manager_actor manager;
  /// What the other end may announce at once.
  std::size_t max_message_bytes = 0;
  /// A hello was refused: by the other end if the flag is set, else by this one. Empty: nobody
  /// asks.
  std::function<void(member_id peer, hello_refusal reason, bool by_peer)> refused;
};

struct link_config {
  member_id peer;
  hello_v1 hello;
  link_timing timing;
  std::uint64_t seed = 0;
  std::chrono::milliseconds tick{50};
  /// On their way to the other end, above which messages are dropped.
  std::uint64_t max_unconfirmed_bytes = 0;
  std::shared_ptr<dialer> way;
};

/// What a link needs of CAF's network.
struct link_host {
  link_config config;
  network_parts network;
  /// CAF's broker, and the loop that it runs in.
  caf::actor broker;
  caf::io::network::default_multiplexer* multiplexer = nullptr;
};

struct link_state {
  link_state() = default;
  ~link_state();

  static inline const char* name = "peer.link";

  std::shared_ptr<const link_host> host;
  std::optional<link_core> core;
  connector_actor connector;
  std::shared_ptr<peer_figures> figures;
  /// Of the present connection; null while there is none.
  std::shared_ptr<peer::wire> wire;
  /// The session at the other end; null until CAF's handshake is over.
  caf::strong_actor_ptr remote;
  /// As of the last tick.
  std::uint64_t sent = 0;
  /// What was last said of a failure, so that the log tells it once.
  std::string told;
};

/// The link and its connector end by `end_peers`.
peer_link_actor::behavior_type link_behavior(peer_link_actor::stateful_pointer<link_state> self,
                                             const std::shared_ptr<const link_host>& host);

} // namespace troupe::peer
