#pragma once

#include "actors/watch/event_batch.hpp"
#include "messages/errc.hpp"

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace troupe::watch {

/// Events on their way to whoever watches.
struct cursor_events {
  watch_events events;
  /// Together with what was delivered before these are all events of the watch up to this revision.
  std::int64_t upto = 0;
  bool from_history = false;
};

/// Why a watch is over.
struct cursor_end {
  /// compacted: events that were not delivered are gone; else why the history cannot be read.
  errc error = errc::none;
  /// For compacted: the lowest revision that can be watched.
  std::int64_t floor = 0;
};

/// What one step of a cursor asks of its host, to be done from top to bottom.
struct cursor_output {
  /// Deliver, in this order. Each holds at least one event. Nearly always one.
  boost::container::small_vector<cursor_events, 1> events;
  /// Send the hub a `drop_watches`.
  bool drop = false;
  /// Send the hub a `register_watches`; its answer goes to `on_registered`.
  bool enroll = false;

  struct reading {
    std::uint64_t request = 0;
    std::int64_t first = 0;
    std::int64_t last = 0;
  };

  /// Send the history a `read_history`.
  std::optional<reading> read;
  /// The watch is over; the cursor asks for nothing more unless it is resumed.
  std::optional<cursor_end> ended;
};

/// What a cursor may hold of live events while it reads the history. Beyond it they are let go and
/// read later.
struct cursor_limits {
  std::size_t kept_batches = 256;
  /// Keys and values of the events that concern the watch.
  std::size_t kept_bytes = std::size_t{1} << 20;
};

/// The position of one watch, and how it moves from the history to the live events (DESIGN 5,
/// watch hand-over): each event once and in order, whatever the interleaving. Pure; an actor that
/// watches embeds one, calls it for each message of hub and history, and does what comes out.
///
///   paused --resume--> registering --registered(P)--> reading (next, P] --> live
///                         ^                              |  too much kept     | gap
///                         +------------------------------+--------------------+
///
/// The hub answers and sends in order, so what comes from it before the answer to the newest
/// registration lies at or below that P, and the history has it.
class cursor {
public:
  using limits = cursor_limits;

  /// Paused; begin with `resume`.
  cursor() = default;

  /// A watch that another has registered with the hub: everything it gets from there counts.
  static cursor registered_by_another();

  /// Watches from revision `from` on, in the past or in the future; 0: whatever comes after the
  /// registration. @pre paused or ended.
  void resume(std::int64_t from, cursor_output& out);

  /// Lets go of everything; to be resumed from the first revision that was not made use of. In an
  /// interval without events `next()` may be so far behind that compaction has passed it.
  void pause(cursor_output& out);

  /// The hub's answer to an `enroll`. @param floor the compaction floor, -1: none.
  void on_registered(std::int64_t published, std::int64_t floor, cursor_output& out);

  void on_live(const watch_events& live, cursor_output& out, const limits& bounds = {});

  /// The history's answer to a `read`, fields as in `history_part`.
  void on_history(std::uint64_t request, const watch_events& events, std::int64_t last, errc error,
                  std::int64_t floor, cursor_output& out);

  /// No event at or above it was delivered; all below it were, as far as the watch wants them. 0: a
  /// watch from now on that knows nothing yet.
  std::int64_t next() const {
    return next_;
  }

  /// The store's revision as of the last registration.
  std::int64_t target() const {
    return target_;
  }

  /// Nothing lies between the cursor and the live events.
  bool live() const {
    return mode_ == mode::live;
  }

  bool ended() const {
    return mode_ == mode::ended;
  }

  /// True if every event up to `published` was delivered, once the live events up to it have been
  /// handed in, and the watch does not begin beyond it.
  bool in_sync(std::int64_t published) const {
    return live() && next_ <= published + 1;
  }

  /// It has asked for a registration at some time: the hub may know this watch.
  bool has_enrolled() const {
    return has_enrolled_;
  }

private:
  enum class mode : std::uint8_t { paused, registering, reading, live, ended };

  void enroll(cursor_output& out);
  void read(cursor_output& out);
  void deliver(const watch_events& events, std::int64_t upto, bool from_history,
               cursor_output& out);
  void keep(const watch_events& live, cursor_output& out, const limits& bounds);
  void forget_kept();
  void end(errc error, std::int64_t floor, cursor_output& out);

  mode mode_ = mode::paused;
  bool has_enrolled_ = false;
  /// While reading: live events were let go, so that the history is not the end of it.
  bool must_enroll_ = false;
  /// Registrations that the hub has not answered.
  std::uint32_t unanswered_ = 0;
  std::int64_t next_ = 0;
  std::int64_t target_ = 0;
  /// The newest request to the history.
  std::uint64_t request_ = 0;
  std::vector<watch_events> kept_;
  std::size_t kept_bytes_ = 0;
};

} // namespace troupe::watch
