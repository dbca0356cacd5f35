#pragma once

#include "actors/node/node_config.hpp"
#include "actors/watch/subscription.hpp"
#include "actors/watch/watch_interest.hpp"
#include "messages/errc.hpp"
#include "messages/ids.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe {

/// Why a node could not be launched; the text is for the operator.
class launch_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// One member of a cluster, as a set of actors in this process: the core system with role, storage,
/// applier and readers, and the edge systems with the client port (DESIGN 5). Several nodes may
/// live in one process.
class node {
public:
  /// Opens the data directory, or founds a new cluster in it, and starts serving. Returns once the
  /// client port listens.
  /// @throws launch_error if the directory or an address cannot be had, or what is in the directory
  /// does not belong here, or if a subscription port is not on loopback.
  static std::unique_ptr<node> launch(node_config config);

  /// As `shutdown` without time to drain.
  ~node();

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Takes no new connections, lets open calls end for at most `drain`, then ends every actor.
  /// Returns when nothing of the node runs any more; its data is flushed. May be called twice.
  void shutdown(std::chrono::milliseconds drain);

  member_id id() const;
  cluster_id cluster() const;

  /// Where the client port really listens, in the order of `node_config::listen_client`; tells the
  /// port where 0 was asked.
  std::vector<listen_address> client_addresses() const;

  /// The same of `node_config::listen_subscription`.
  std::vector<listen_address> subscription_addresses() const;

  /// Waits until this member knows a leader, but no longer than `patience`. @returns whether it
  /// does.
  bool await_leader(std::chrono::milliseconds patience) const;

  /// Watches from inside this process, without a connection and without an encoding of its own: a
  /// million of these on one key hear of a change in a second or two. @param start_revision in the
  /// past or in the future; 0: from now on.
  watch::subscription subscribe(watch::watch_interest interest, std::int64_t start_revision,
                                watch::subscriber_callbacks calls);

private:
  struct parts;
  explicit node(std::unique_ptr<parts> parts);

  std::unique_ptr<parts> parts_;
};

} // namespace troupe
