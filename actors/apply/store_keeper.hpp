#pragma once

#include "actors/service/answer_router.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"
#include "storage/engine.hpp"
#include "storage/mvcc/store.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <memory>
#include <vector>

namespace troupe::apply {

/// From the applier: the compaction floor has risen.
struct floor_raised {
  /// Leave once everything below the floor is off the disk: answers to physical compactions.
  std::vector<rpc_answer> when_removed;
};

/// The keeper to itself: the next slice of counting.
struct refine_counts {};

/// When the store is made durable beside what the engine does by itself.
struct flush_policy {
  /// A restart replays about this much of the log at most.
  std::uint64_t unflushed_bytes = std::uint64_t{64} << 20;
  std::chrono::nanoseconds interval = std::chrono::seconds{60};
};

/// Does what the store needs beside the applier, and what would keep the applier from applying:
/// flushes, removal of history, counting. Blocks for long: outside of simulation it has a thread of
/// its own.
using store_keeper_actor =
  caf::typed_actor<caf::reacts_to<floor_raised>, caf::reacts_to<refine_counts>,
                   // Looks whether a flush is due; every second or so.
                   caf::reacts_to<tick>,
                   // Introduces an edge.
                   caf::reacts_to<service::edge_joined>>;

struct store_keeper_host {
  /// Store and engine outlive the actor.
  store_keeper_host(mvcc::store& store, storage::engine& engine, std::shared_ptr<const clock> time,
                    flush_policy policy);

  void flush_if_due();

  mvcc::store& store;
  storage::engine& engine;
  std::shared_ptr<const clock> time;
  flush_policy policy;
  time_point last_flush;
  service::answer_router edges;
};

struct store_keeper_state {
  store_keeper_state() = default;

  static inline const char* name = "store_keeper";

  std::shared_ptr<store_keeper_host> host;
};

store_keeper_actor::behavior_type
store_keeper_behavior(store_keeper_actor::stateful_pointer<store_keeper_state> self,
                      const std::shared_ptr<store_keeper_host>& host);

} // namespace troupe::apply

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::floor_raised)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::refine_counts)
