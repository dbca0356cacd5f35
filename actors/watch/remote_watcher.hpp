#pragma once

#include "actors/watch/cursor.hpp"
#include "actors/watch/handles.hpp"
#include "actors/watch/remote_flow.hpp"
#include "actors/watch/remote_handles.hpp"

#include <atomic>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace troupe::watch {

/// The watch behind one remote subscription. While its subscriber has no room it holds no events:
/// the hub forgets it, and it reads on from the history when there is room again. Ends by an exit
/// message, with the face, or after a parcel that says so.
using remote_watcher_actor = watcher_face::extend<caf::reacts_to<credit_v1>>;

/// What the watchers of a node share.
struct remote_context {
  hub_actor hub;
  history_actor history;
  flow_limits flow;
  /// What may be under way to all subscribers together: each has an equal share of it as its
  /// window, but at least `least_window_bytes` and at most the window of `flow`.
  std::size_t total_bytes = std::size_t{256} << 20;
  std::size_t least_window_bytes = std::size_t{64} << 10;
  /// Subscriptions that there are; kept by the face.
  std::shared_ptr<std::atomic<std::size_t>> subscriptions =
    std::make_shared<std::atomic<std::size_t>>(0);
  /// Of live events while it reads the history.
  cursor_limits kept{.kept_bytes = std::size_t{256} << 10};
  /// Of one part of the history.
  std::size_t history_bytes = std::size_t{256} << 10;
};

struct remote_watcher_state {
  remote_watcher_state() = default;

  static inline const char* name = "watch.remote_watcher";

  std::shared_ptr<const remote_context> context;
  parcel_sink face;
  std::uint64_t number = 0;
  watch_interest interest;
  cursor position;
  std::optional<remote_flow> flow;
  bool started = false;
  /// The subscriber has no room for what comes from this revision on.
  std::optional<std::int64_t> stalled_at;
};

struct remote_watcher_config {
  parcel_sink face;
  std::uint64_t number = 0;
  watch_interest interest;
  std::int64_t start_revision = 0;
};

remote_watcher_actor spawn_remote_watcher(caf::actor_system& system,
                                          std::shared_ptr<const remote_context> context,
                                          remote_watcher_config config);

} // namespace troupe::watch
