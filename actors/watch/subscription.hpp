#pragma once

#include "actors/watch/cursor.hpp"
#include "actors/watch/event_batch.hpp"

#include <functional>
#include <utility>

namespace troupe::watch {

/// What a subscriber calls, on a thread of the node and one call at a time. They must not wait:
/// other watchers share the thread. An exception ends the watch without another call.
struct subscriber_callbacks {
  /// Events of the interest, each once and in order; never empty. What one transaction changed
  /// comes together. May be kept: nobody changes a batch.
  std::function<void(const watch_events&)> on_events;
  /// The last call: events were compacted before they could be read, or the history cannot be read.
  std::function<void(const cursor_end&)> on_end;
};

/// Ends a watch of this process when it goes. The watch also ends with its node.
class subscription {
public:
  subscription() = default;

  explicit subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}

  subscription(subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}

  subscription& operator=(subscription&& other) noexcept {
    std::swap(cancel_, other.cancel_);
    return *this;
  }

  /// No call begins once the node has taken note; one may be under way.
  ~subscription() {
    if (cancel_)
      cancel_();
  }

private:
  std::function<void()> cancel_;
};

} // namespace troupe::watch
