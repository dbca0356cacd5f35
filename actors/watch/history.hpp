#pragma once

#include "actors/watch/handles.hpp"
#include "actors/watch/history_core.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>

namespace troupe::watch {

struct history_state {
  history_state() = default;

  static inline const char* name = "watch.history";

  std::shared_ptr<history_core> core;
};

/// Answers each request at once, in the order in which they came. Reads block on the disk: outside
/// of simulation it has a thread of its own.
history_actor::behavior_type history_behavior(history_actor::stateful_pointer<history_state> self,
                                              const std::shared_ptr<history_core>& core);

} // namespace troupe::watch
