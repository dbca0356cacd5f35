#pragma once

#include "actors/watch/cursor.hpp"
#include "actors/watch/handles.hpp"
#include "actors/watch/subscription.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <memory>

namespace troupe::watch {

/// A watch of a program in this process: the hub's messages come to it directly, without a session.
/// Ends by an exit message, or with the hub if nobody else holds its handle.
using subscriber_actor = watcher_face;

/// What subscribers may share.
struct subscriber_context {
  hub_actor hub;
  history_actor history;
  subscriber_callbacks calls;
  /// Of one part of the history.
  std::size_t history_bytes = std::size_t{1} << 20;
};

struct subscriber_state {
  subscriber_state() = default;

  static inline const char* name = "watch.subscriber";

  std::shared_ptr<const subscriber_context> context;
  watch_interest interest;
  cursor position;
};

/// @param start_revision in the past or in the future; 0: from now on.
subscriber_actor spawn_subscriber(caf::actor_system& system,
                                  std::shared_ptr<const subscriber_context> context,
                                  watch_interest interest, std::int64_t start_revision);

} // namespace troupe::watch
