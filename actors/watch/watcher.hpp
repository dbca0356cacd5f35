#pragma once

#include "actors/watch/cursor.hpp"
#include "actors/watch/handles.hpp"
#include "actors/watch/response_encoding.hpp"
#include "actors/watch/session_messages.hpp"

#include <caf/error.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::watch {

/// From a watcher or a session that ends by an exception: the reason.
struct watch_failed {
  caf::error reason;
};

/// What a watcher needs of its session.
using delivery_sink = caf::typed_actor<caf::reacts_to<watch_delivery>, caf::reacts_to<watch_notice>,
                                       caf::reacts_to<marker_passed>, caf::reacts_to<watch_failed>>;

/// One watch of a client: takes its events from the hub and the history, in order, and hands them
/// to its session as encoded answers.
using watcher_actor =
  watcher_face::extend<caf::reacts_to<watch_order>, caf::reacts_to<progress_marker>>;

/// What all watchers of one session share.
struct watcher_context {
  hub_actor hub;
  history_actor history;
  delivery_sink session;
  response_identity identity;
  /// A response of so many bytes is cut, if the watch wants fragments.
  std::size_t fragment_bytes = std::size_t{2} << 20;
  /// Of one part of the history.
  std::size_t history_bytes = std::size_t{128} << 10;
};

struct watcher_config {
  std::int64_t watch = 0;
  std::uint64_t epoch = 0;
  packed_interest interest;
  bool fragment = false;
  /// The session registers it with the hub; else it waits for an order to resume.
  bool registered = true;
};

struct watcher_state {
  watcher_state() = default;

  static inline const char* name = "watch.watcher";

  std::shared_ptr<const watcher_context> context;
  watcher_config config;
  cursor position;
  /// As last heard.
  term_t term;
  /// The session waits to hear that it is among the live events.
  bool catching_up = false;
};

watcher_actor::behavior_type watcher_behavior(watcher_actor::stateful_pointer<watcher_state> self,
                                              const std::shared_ptr<const watcher_context>& context,
                                              const watcher_config& config);

} // namespace troupe::watch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watch_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watch_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::progress_marker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watch_delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watch_notice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::marker_passed)
