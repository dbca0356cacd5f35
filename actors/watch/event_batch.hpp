#pragma once

#include "messages/blob.hpp"
#include "messages/ids.hpp"
#include "storage/mvcc/event.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::watch {

/// One change, with its bytes on the wire. Those are made once, by whoever makes the batch, for all
/// watchers that will get them.
struct batch_event {
  mvcc::event change;
  /// The key as of the revision before, if somebody asked for it and compaction has left it.
  std::optional<mvcc::key_value> previous;
  /// One entry of `WatchResponse.events`: tag, length and mvccpb.Event, without `prev_kv`; empty if
  /// nobody asked for it.
  blob encoded;
  /// The same with `prev_kv`, if there is one; empty if nobody asked for it.
  blob encoded_with_previous;
};

/// Consecutive changes of the store, immutable from the moment it is shared. What one transaction
/// changed is never split over two batches.
struct event_batch {
  /// Every change with a main revision in [first, last] that can concern the receivers is in
  /// `events`.
  std::int64_t first = 0;
  std::int64_t last = 0;
  /// The term this member knew when the batch was made, for the header of answers.
  term_t term;
  /// Ascending by (main, sub).
  std::vector<batch_event> events;
};

/// What a watcher gets: the events of a batch that concern it. One such message is shared by all
/// watchers that it concerns in the same way. From the hub a watcher gets no message for batches
/// that do not concern it: that `batch->first` does not follow what it has seen means nothing.
struct watch_events {
  std::shared_ptr<const event_batch> batch;
  /// Positions in `batch->events`, ascending; null: all of them.
  std::shared_ptr<const std::vector<std::uint32_t>> which;
  /// Only from the hub, then without events: changes in [batch->first, batch->last] that concern
  /// the watcher were left out, because too many were waiting to be sent. It registers anew, which
  /// gives a revision P of at least batch->last, and reads the history from its position to P.
  /// Until then the hub goes on with what comes after the gap.
  bool gap = false;

  std::size_t size() const {
    return which ? which->size() : batch->events.size();
  }

  const batch_event& operator[](std::size_t i) const {
    return batch->events[which ? (*which)[i] : i];
  }
};

} // namespace troupe::watch
