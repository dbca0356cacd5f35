#pragma once

#include "actors/metrics/meter.hpp"
#include "actors/watch/handles.hpp"
#include "actors/watch/hub_core.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <deque>
#include <memory>

namespace troupe::watch {

struct hub_host {
  using tick_sink = caf::typed_actor<caf::reacts_to<tick>>;

  /// @param published the revision of the store when nothing is applied yet that will be published.
  hub_host(std::int64_t published, history_actor history, metrics::meter meter = {},
           hub_limits limits = {});

  void carry_out(hub_core<watcher_face>::output&& out, hub_actor::pointer self);

  hub_core<watcher_face> core;
  history_actor history;
  metrics::meter meter;
  /// Whoever waits for progress, in the order of the core's questions.
  std::deque<ask_progress> questions;
  /// Sends ticks back. The run queue of the scheduler is first in, first out: the tick comes back
  /// behind the watchers that were woken before it left.
  tick_sink pacer;
};

struct hub_state {
  hub_state() = default;

  static inline const char* name = "watch.hub";

  std::shared_ptr<hub_host> host;
};

/// The hub of all watches of this member (DESIGN 5, watch hand-over). It only computes: it shares
/// the scheduler with the watchers.
hub_actor::behavior_type hub_behavior(hub_actor::stateful_pointer<hub_state> self,
                                      const std::shared_ptr<hub_host>& host);

} // namespace troupe::watch
