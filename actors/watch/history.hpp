#pragma once

#include "actors/watch/handles.hpp"
#include "actors/watch/history_core.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace troupe::watch {

/// The history with what it says to itself.
using history_service = history_actor::extend<
  // Serve the next requests of the round.
  caf::reacts_to<tick>>;

struct history_state {
  history_state() = default;

  static inline const char* name = "watch.history";

  std::shared_ptr<history_core> core;
  /// Requests that came since the present round began.
  std::vector<read_history> waiting;
  /// The present round, in the order of where they begin; those before `next` are served.
  std::vector<read_history> round;
  std::size_t next = 0;
};

/// Serves requests in rounds, each in the order of revision: who catches up from about the same
/// place reads about the same blocks, and nobody waits longer than one round for his turn (etcd
/// reads once for up to 512 watchers). Between a few requests it looks after what is urgent. Reads
/// block on the disk: outside of simulation it has a thread of its own.
history_service::behavior_type
history_behavior(history_service::stateful_pointer<history_state> self,
                 const std::shared_ptr<history_core>& core);

} // namespace troupe::watch
