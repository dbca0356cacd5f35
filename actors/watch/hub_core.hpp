#pragma once

#include "actors/watch/hub_members.hpp"
#include "actors/watch/hub_plan.hpp"
#include "messages/ensure.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe::watch {

struct hub_limits {
  /// Watchers woken at a time; the next ones when a tick comes.
  std::size_t slice = 1000;
  /// After so many woken without a pause they are a load that lasts: from then on a slice is
  /// `slice_of_long_run`, which costs a quarter of the rate and leaves the others their time.
  std::size_t long_run = 16'000;
  std::size_t slice_of_long_run = 128;
  /// Memory of changes that wait to be sent. What is beyond is left out, oldest first, and the
  /// watchers that it concerns are told so.
  std::size_t waiting_bytes = std::size_t{64} << 20;
  hub_queue_limits queue;
};

/// What one step of the hub asks of its host.
template <class Watcher>
struct hub_output {
  struct wake_up {
    watch_events what;
    /// The next so many of `watchers`.
    std::size_t watchers = 0;
  };

  struct wanted_previous {
    std::uint64_t request = 0;
    std::shared_ptr<event_batch> batch;
    std::vector<std::uint32_t> which;
  };

  std::vector<wake_up> wake_ups;
  /// Valid until the next call to the core.
  std::vector<const Watcher*> watchers;
  /// After the wake-ups: so many questions for progress, the oldest, are answered with
  /// `hub_core::sent()`.
  std::size_t progress_answers = 0;
  /// To the history; `on_previous` when it is done.
  std::optional<wanted_previous> to_fill;
  /// A tick is wanted, as soon as the watchers woken so far have run.
  bool wants_tick = false;
};

/// Takes in what the applier publishes and says which watcher to tell of what. Batches are told one
/// after the other in the order of revision; a batch is told when everybody it concerns has it.
template <class Watcher>
class hub_core {
public:
  using output = hub_output<Watcher>;

  /// @param published the newest revision of the store; the first publication follows it.
  hub_core(std::int64_t published, hub_limits limits = {})
      : limits_(limits), queue_(limits.queue), published_(published), sent_(published) {}

  /// Whatever is published from now on reaches this watcher. Replaces its earlier registration.
  void add(const watch_interest& interest, Watcher who) {
    drop(who.id());
    members_.add(std::move(who), index_.group_of(interest), published_);
    registered_at_ = published_;
  }

  /// Nothing reaches it any more.
  void drop(std::uint64_t watcher) {
    if (const auto group = members_.remove(watcher); group && members_.empty(*group))
      index_.forget(*group);
  }

  void on_publish(hub_pending&& news, std::int64_t floor, output& out) {
    ensure(news.first == published_ + 1, "publications follow each other");
    published_ = news.last;
    term_ = news.term;
    floor_ = floor;
    if (!news.events.empty() && index_.size() > 0) {
      queue_.push(std::move(news), registered_at_);
      while (queue_.bytes() > limits_.waiting_bytes && (plan_ || resting()))
        leave_out(queue_.pop());
    }
    advance(out);
  }

  /// What the plan asked the history for is there.
  void on_previous(std::uint64_t request, output& out) {
    if (!plan_ || !filling_ || request != fills_)
      return;
    filling_ = false;
    advance(out);
  }

  void on_tick(output& out) {
    run_ += woken_;
    woken_ = 0;
    tick_wanted_ = false;
    advance(out);
  }

  /// Will be answered when all that is published now has been sent.
  void on_progress_question(output& out) {
    questions_.push_back(published_);
    advance(out);
  }

  std::int64_t published() const {
    return published_;
  }

  /// Every watcher has been sent what it is to hear of up to this revision, or that it was left
  /// out.
  std::int64_t sent() const {
    return sent_;
  }

  /// -1: there is none.
  std::int64_t floor() const {
    return floor_;
  }

  term_t term() const {
    return term_;
  }

  std::size_t watchers() const {
    return members_.size();
  }

  /// Changes that wait, concerned or not.
  std::size_t waiting_events() const {
    return queue_.events();
  }

private:
  /// Changes that were left out.
  struct gap {
    std::int64_t first = 0;
    std::int64_t last = 0;
    term_t term;
    std::set<group_id> groups;
  };

  bool resting() const {
    return woken_ >= slice();
  }

  std::size_t slice() const {
    return run_ < limits_.long_run ? limits_.slice : limits_.slice_of_long_run;
  }

  void leave_out(hub_pending&& oldest) {
    if (!gap_)
      gap_ = gap{.first = oldest.first};
    gap_->last = oldest.last;
    gap_->term = oldest.term;
    std::vector<group_id> found;
    for (const auto& change : oldest.events) {
      found.clear();
      index_.find(change.kv.key, change.kind, found);
      gap_->groups.insert(found.begin(), found.end());
    }
  }

  /// What was left out is older than what waits.
  void begin_next(output& out) {
    plan_ = gap_ ? make_gap(gap_->first, gap_->last, gap_->term, gap_->groups)
                 : make_plan(queue_.pop(), index_);
    gap_.reset();
    wake_ = 0;
    if (!plan_->wakes.empty())
      members_.walk(plan_->wakes.front().group);
    if (!plan_->to_fill.empty()) {
      filling_ = true;
      out.to_fill = {++fills_, plan_->batch, std::move(plan_->to_fill)};
    }
  }

  void wake_some(output& out) {
    const auto most = slice() - woken_;
    const auto& wake = plan_->wakes[wake_];
    const auto woken =
      members_.meet(most, plan_->last, [&](const Watcher& who) { out.watchers.push_back(&who); });
    woken_ += woken;
    if (woken > 0)
      out.wake_ups.push_back({wake.what, woken});
    if (members_.met_all() && ++wake_ < plan_->wakes.size())
      members_.walk(plan_->wakes[wake_].group);
  }

  void advance(output& out) {
    while (!resting() && !filling_) {
      if (!plan_) {
        if (!gap_ && queue_.empty())
          break;
        begin_next(out);
      } else if (wake_ < plan_->wakes.size()) {
        wake_some(out);
      } else {
        plan_.reset();
      }
    }
    // The slice may have ended together with the batch.
    if (plan_ && !filling_ && wake_ == plan_->wakes.size())
      plan_.reset();
    if (resting() && !tick_wanted_)
      tick_wanted_ = out.wants_tick = true;
    if (!plan_ && !gap_ && queue_.empty())
      run_ = 0;
    note_sent(out);
  }

  void note_sent(output& out) {
    if (plan_)
      sent_ = plan_->first - 1;
    else if (gap_)
      sent_ = gap_->first - 1;
    else
      sent_ = queue_.empty() ? published_ : queue_.first() - 1;
    for (; !questions_.empty() && questions_.front() <= sent_; questions_.pop_front())
      ++out.progress_answers;
  }

  const hub_limits limits_;
  interest_index index_;
  hub_members<Watcher> members_;
  hub_queue queue_;
  /// Older than all of `queue_`.
  std::optional<gap> gap_;
  /// The batch that is told now, older than all that waits, and the next of its wakes.
  std::optional<hub_plan> plan_;
  std::size_t wake_ = 0;
  /// It waits for the history's answer to request `fills_`.
  bool filling_ = false;
  std::uint64_t fills_ = 0;
  /// Watchers woken since the last tick.
  std::size_t woken_ = 0;
  /// And before that, since there last was nobody left to wake.
  std::size_t run_ = 0;
  bool tick_wanted_ = false;
  /// For each question what was published then.
  std::deque<std::int64_t> questions_;
  std::int64_t published_;
  std::int64_t sent_;
  /// What was published at the last registration.
  std::int64_t registered_at_ = 0;
  std::int64_t floor_ = -1;
  term_t term_;
};

} // namespace troupe::watch
