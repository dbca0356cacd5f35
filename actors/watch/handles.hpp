#pragma once

#include "actors/watch/event_batch.hpp"
#include "actors/watch/publish.hpp"
#include "actors/watch/watch_interest.hpp"
#include "messages/errc.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>
#include <cstdint>
#include <vector>

/// Who tells whom what about watches:
///
///   applier --publish--> hub --watch_events--> watcher --watch_delivery--> session --> edge
///                         ^                       |  ^
///                         | register, drop        |  | history_part
///       session, watcher -+                       +--+-> history
///
/// The hand-over (DESIGN 5): a registration names the revision P up to which it came too late. Of
/// what is above P the hub sends everything; what is not above P is read from the history, from a
/// snapshot taken after the registration. If more waits in the hub than it may hold, it leaves
/// events out and says so to the watchers that they concern (`watch_events::gap`).
namespace troupe::watch {

/// A part of what a watcher asked the history for.
struct history_part {
  /// Echoed from the request.
  std::uint64_t request = 0;
  /// The events of the interest with main revisions from the `first` that was asked for to `last`
  /// below, whole transactions only. May hold no event. The batch is shared by many requests: its
  /// own first and last say nothing here.
  watch_events events;
  /// Below what was asked for: ask for the rest. Never above it.
  std::int64_t last = 0;
  /// compacted: nothing but `floor` counts, which then is the lowest revision that can be watched.
  errc error = errc::none;
  std::int64_t floor = 0;
};

/// The answer to a registration. Registered are `count` watchers, in the order they were named.
struct watches_registered {
  /// Everything above it reaches the watchers from the hub. Also "the current revision" of headers.
  std::int64_t published = 0;
  /// Nothing at or below it is watched any more: the compaction floor; -1: there is none.
  std::int64_t floor = -1;
  term_t term;
};

/// The hub has let go of them: nothing published later reaches them.
struct watches_dropped {
  std::int64_t published = 0;
  term_t term;
};

/// All events up to `published` that concern any watcher have been sent to it, or that there is a
/// gap: who now sends such a watcher a message of its own knows that this is in its mailbox before.
struct progress_point {
  /// Echoed from the request.
  std::uint64_t request = 0;
  std::int64_t published = 0;
  term_t term;
};

/// A watcher, as the hub and the history see it. Each watch has one, an actor of its own.
using watcher_face = caf::typed_actor<
  // From the hub, in the order of revision; also after a drop, if sent before it.
  caf::reacts_to<watch_events>,
  // From the history; exactly one for each request.
  caf::reacts_to<history_part>,
  // From the hub, if the watcher registered itself.
  caf::reacts_to<watches_registered>>;

/// Who registers watchers, for itself or for others.
using registrar_face = caf::typed_actor<caf::reacts_to<watches_registered>>;
using drop_listener = caf::typed_actor<caf::reacts_to<watches_dropped>>;
using progress_listener = caf::typed_actor<caf::reacts_to<progress_point>>;

struct watch_registration {
  watch_interest interest;
  /// Its actor id names the registration: an actor has at most one. To register it again replaces
  /// the one before.
  watcher_face watcher;
};

/// To the hub.
struct register_watches {
  std::vector<watch_registration> watches;
  /// Gets one `watches_registered` for all of them.
  registrar_face reply_to;
};

/// To the hub. Watchers it does not know are passed over.
struct drop_watches {
  std::vector<watcher_face> watchers;
  /// May be null.
  drop_listener reply_to;
};

/// To the hub. Who has asked waits for the answer before it asks again.
struct ask_progress {
  std::uint64_t request = 0;
  progress_listener reply_to;
};

/// To the history: the events of `interest` in [first, last], about `max_bytes` of them in one part
/// (but at least one transaction).
struct read_history {
  std::uint64_t request = 0;
  watch_interest interest;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::size_t max_bytes = 1 << 20;
  watcher_face reply_to;
};

struct previous_filled {
  std::uint64_t request = 0;
};

using previous_listener = caf::typed_actor<caf::reacts_to<previous_filled>>;

/// From the hub to the history: give the events at these positions what the key was before, and
/// their encoding with it. Nobody else touches the batch until `previous_filled` comes back.
struct fill_previous {
  std::uint64_t request = 0;
  std::shared_ptr<event_batch> batch;
  std::vector<std::uint32_t> which;
  previous_listener reply_to;
};

using hub_actor = caf::typed_actor<caf::reacts_to<publish>, caf::reacts_to<register_watches>,
                                   caf::reacts_to<drop_watches>, caf::reacts_to<ask_progress>,
                                   caf::reacts_to<previous_filled>,
                                   // The next slice of a wake-up may run.
                                   caf::reacts_to<tick>>;

using history_actor = caf::typed_actor<caf::reacts_to<read_history>, caf::reacts_to<fill_previous>>;

} // namespace troupe::watch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watch_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::history_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watches_registered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::watches_dropped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::progress_point)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::register_watches)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::drop_watches)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::ask_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::read_history)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::fill_previous)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::previous_filled)
