#pragma once

#include "actors/watch/event_batch.hpp"
#include "actors/watch/watch_interest.hpp"
#include "messages/subscription.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace troupe::watch {

/// Bounds of one remote subscription, in bytes of keys and values with a fixed share for the rest.
struct flow_limits {
  /// What may be sent and not acknowledged. A single transaction that is larger goes alone, once
  /// nothing else is under way.
  std::size_t window_bytes = std::size_t{4} << 20;
  /// Of one message, below the 1 MiB that the network of actors takes well. A single event that is
  /// larger goes alone; max_request_bytes bounds it, twice with what the key was before.
  std::size_t message_bytes = 1'000'000;
};

/// Makes messages of events, as many as a remote subscriber has room for. Pure.
class remote_flow {
public:
  explicit remote_flow(const watch_interest& interest, const flow_limits& limits = {})
      : interest_(interest), limits_(limits) {}

  struct packed {
    std::vector<changes_v1> messages;
    /// Nothing at or above it was packed; one above the `upto` that was given if nothing is left.
    std::int64_t next = 0;
  };

  /// Packs transactions, in order, until the next one has no room. If nothing is under way there is
  /// room for one. @param upto all events of the interest up to here are in `events` or were
  /// packed before.
  packed pack(const watch_events& events, std::int64_t upto);

  /// From now on; what is under way already may be more.
  void limit_window(std::size_t bytes) {
    limits_.window_bytes = bytes;
  }

  /// The subscriber has dealt with the messages up to this number. Numbers that are not under way
  /// mean nothing.
  void on_credit(std::uint64_t number);

  /// After a `pack` that left something: half of the window is free again.
  bool worth_resuming() const {
    return in_flight_ <= limits_.window_bytes / 2;
  }

  std::size_t in_flight_bytes() const {
    return in_flight_;
  }

private:
  struct unsent {
    std::vector<event_v1> events;
    std::size_t bytes = 0;
  };

  struct sent {
    std::uint64_t number = 0;
    std::size_t bytes = 0;
  };

  bool wanted(const batch_event& event) const;
  std::size_t bytes_of(const batch_event& event) const;
  std::size_t bytes_of(const watch_events& events, std::size_t first, std::size_t last) const;
  event_v1 event_of(const batch_event& event) const;
  void close(unsent& message, std::int64_t upto, packed& result);

  watch_interest interest_;
  flow_limits limits_;
  std::uint64_t last_number_ = 0;
  std::deque<sent> unacknowledged_;
  /// The sum of `unacknowledged_`.
  std::size_t in_flight_ = 0;
};

} // namespace troupe::watch
