#pragma once

#include "actors/watch/event_batch.hpp"
#include "actors/watch/interest_index.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <vector>

namespace troupe::watch {

/// Published changes that were not yet compared with what anybody wants to hear.
struct hub_pending {
  std::int64_t first = 0;
  std::int64_t last = 0;
  term_t term;
  std::vector<mvcc::event> events;
  std::size_t bytes = 0;
};

struct hub_queue_limits {
  /// Publications that wait become one up to about this size, so that a hub that cannot keep up
  /// sends fewer and larger messages; a larger one is cut between transactions. A watcher gets at
  /// most so many revisions at once, and so many bytes unless one transaction has more.
  std::size_t merge_bytes = std::size_t{1} << 20;
  std::int64_t merge_revisions = 1000;
};

/// The publications that wait, oldest first.
class hub_queue {
public:
  explicit hub_queue(hub_queue_limits limits) : limits_(limits) {}

  /// @pre it comes after what was pushed before. @param joinable_above only what begins above may
  /// become one with `next`: no registration may fall between the changes of one batch.
  void push(hub_pending&& next, std::int64_t joinable_above);

  hub_pending pop();

  bool empty() const {
    return waiting_.empty();
  }

  /// The first revision that waits. @pre not empty.
  std::int64_t first() const {
    return waiting_.front().first;
  }

  /// Memory of the events that wait, and their number.
  std::size_t bytes() const {
    return bytes_;
  }

  std::size_t events() const {
    return events_;
  }

private:
  void push_piece(hub_pending&& next, std::int64_t joinable_above);

  hub_queue_limits limits_;
  std::deque<hub_pending> waiting_;
  std::size_t bytes_ = 0;
  std::size_t events_ = 0;
};

/// What one batch tells whom.
struct hub_plan {
  struct wake {
    group_id group = no_group;
    watch_events what;
  };

  /// Everything in [first, last] is told when the plan is carried out.
  std::int64_t first = 0;
  std::int64_t last = 0;
  /// The concerned events alone; encoded as their groups want them, but for `to_fill`. Null if
  /// nobody is concerned.
  std::shared_ptr<event_batch> batch;
  std::vector<wake> wakes;
  /// Positions of events that need what was there before.
  std::vector<std::uint32_t> to_fill;
};

hub_plan make_plan(hub_pending&& changes, const interest_index& index);

/// Tells these groups that something in [first, last] was left out.
hub_plan make_gap(std::int64_t first, std::int64_t last, term_t term,
                  const std::set<group_id>& groups);

} // namespace troupe::watch
