#pragma once

#include "actors/metrics/meter.hpp"
#include "actors/service/answer_router.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"
#include "storage/engine.hpp"
#include "storage/mvcc/store.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace troupe::apply {

/// From the applier: the compaction floor has risen, or room is needed.
struct floor_raised {
  /// Leave once everything below the floor is off the disk: answers to physical compactions.
  std::vector<rpc_answer> when_removed;
  /// The store is full: everything below the floor is removed, whatever that costs.
  bool make_room = false;
};

/// The keeper to itself: who asks for a defragmentation from now on asks for the next.
struct run_defragment {};

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
                   // From the service: clients want all of the store rewritten. Those who come
                   // while that is done share the next time.
                   caf::reacts_to<defragment>, caf::reacts_to<run_defragment>,
                   // Looks whether a flush is due; every second or so.
                   caf::reacts_to<tick>,
                   // Introduces an edge.
                   caf::reacts_to<service::edge_joined>>;

struct store_keeper_host {
  /// Store and engine outlive the actor.
  store_keeper_host(mvcc::store& store, storage::engine& engine, std::shared_ptr<const clock> time,
                    flush_policy policy);

  void flush_if_due();
  void remove(const floor_raised& raised);
  void wait(const defragment& wanted);
  /// Answers everybody who waits for it.
  void defragment_now();

  mvcc::store& store;
  storage::engine& engine;
  std::shared_ptr<const clock> time;
  flush_policy policy;
  time_point last_flush;
  service::answer_router edges;
  metrics::meter meter;
  /// Want a defragmentation; one more is refused.
  std::vector<call_id> waiting;
  static constexpr std::size_t max_waiting = 1000;
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::run_defragment)
