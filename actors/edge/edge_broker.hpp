#pragma once

#include "actors/edge/edge_actor.hpp"
#include "actors/edge/edge_config.hpp"
#include "actors/edge/edge_counters.hpp"
#include "actors/edge/listener.hpp"
#include "actors/metrics/rpc_counters.hpp"
#include "messages/clock.hpp"

#include <memory>
#include <vector>

namespace caf {

class actor_system;

} // namespace caf

namespace troupe {

/// What an edge works with.
struct edge_parts {
  call_sink calls;
  /// Null: HTTP/1.1 requests get 404.
  http_sink pages;
  /// Outlives the edge.
  std::shared_ptr<const troupe::clock> clock;
  std::shared_ptr<edge_counters> counters;
  /// Counts of calls by method; null: they are not counted.
  std::shared_ptr<metrics::rpc_counters> rpcs;
  /// Null: its paths are the pages' too.
  gateway_sink gateway;
};

/// Starts the client port: one broker that owns every client connection of `system`, which is an
/// actor system of its own. That system needs `register_messages`, the middleman, and
/// `middleman.max-consecutive-reads` of at most 4: with CAF's 50 one client that sends without
/// pause keeps all others waiting for 3 MiB. It takes over the listeners at once and accepts after
/// `serve_clients`. Raises RLIMIT_NOFILE of the process. Ends with the last connection after
/// `drain_clients`; earlier only by a failure, whose text is in the exit reason.
edge_actor spawn_edge(caf::actor_system& system, const edge_config& config, edge_parts parts,
                      std::vector<listener> listeners);

} // namespace troupe
