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
  /// @param published the revision of the store when nothing is applied yet that will be published.
  hub_host(std::int64_t published, history_actor history, metrics::meter meter = {},
           hub_limits limits = {});

  void carry_out(hub_core<watcher_face>::output&& out, hub_actor::pointer self);
  void enroll(const register_watches& wanted);

  hub_core<watcher_face> core;
  history_actor history;
  metrics::meter meter;
  /// Until the applier has caught up: registrations wait, so that nobody takes for news what comes
  /// from before the start. Few: the service holds its clients back as long.
  bool caught_up = false;
  std::vector<register_watches> early;
  /// Whoever waits for progress, in the order of the core's questions.
  std::deque<ask_progress> questions;
  /// What the watchers woken since the last tick hold on to while they run; null: none was woken.
  std::shared_ptr<const void> slice;

private:
  void wake(const hub_core<watcher_face>::output& out, hub_actor::pointer self);
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
