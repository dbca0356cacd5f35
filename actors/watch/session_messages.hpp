#pragma once

#include "messages/blob.hpp"
#include "messages/errc.hpp"

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>

/// What the session of a stream and its watchers say to each other; no CAF.
namespace troupe::watch {

/// From session to watcher. Each order to pause or to resume begins a new epoch, a number that no
/// other has in this stream; what a watcher said in an earlier one no longer counts.
struct watch_order {
  enum class what : std::uint8_t {
    /// Send nothing more and keep nothing.
    pause,
    /// Go on with what happened at `from` and later.
    resume,
    /// The watch is over.
    end,
  };

  what kind = what::end;
  std::uint64_t epoch = 0;
  std::int64_t from = 0;
};

/// From session to watcher: to be answered with `marker_passed`, behind all that was delivered.
struct progress_marker {
  std::uint64_t round = 0;
  std::int64_t published = 0;
};

/// A `WatchResponse`: the bytes of `head`, then those of `tail`, which many watchers share.
struct watch_piece {
  blob head;
  blob tail;
};

/// Nearly always one.
using watch_pieces = boost::container::small_vector<watch_piece, 1>;

/// From watcher to session: events.
struct watch_delivery {
  std::int64_t watch = 0;
  std::uint64_t epoch = 0;
  /// Revision of the first event.
  std::int64_t first = 0;
  std::size_t events = 0;
  /// Never empty; more than one if fragments were asked for.
  watch_pieces pieces;
};

/// From watcher to session.
struct watch_notice {
  enum class what : std::uint8_t {
    /// It is among the live events after a `resume`.
    caught_up,
    /// It has missed events from `revision` on and paused itself.
    fell_behind,
    /// It has ended itself; `error` says why. For compacted, `revision` is the lowest that can be
    /// watched.
    ended,
  };

  what kind = what::caught_up;
  std::int64_t watch = 0;
  std::uint64_t epoch = 0;
  std::int64_t revision = 0;
  errc error = errc::none;
};

/// From watcher to session.
struct marker_passed {
  std::int64_t watch = 0;
  std::uint64_t epoch = 0;
  std::uint64_t round = 0;
  /// Every event up to the revision of the marker has gone through the session.
  bool in_sync = false;
};

} // namespace troupe::watch
