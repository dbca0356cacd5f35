#include "actors/watch/cursor.hpp"
#include "actors/watch/packed_interest.hpp"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace troupe::watch {
namespace {

/// A batch whose events have these revisions; value sizes are one byte.
watch_events batch(std::int64_t first, std::int64_t last, const std::vector<revision>& at) {
  auto result = std::make_shared<event_batch>();
  result->first = first;
  result->last = last;
  for (auto revision : at) {
    batch_event event;
    event.change.at = revision;
    event.change.kv.value = "v";
    result->events.push_back(std::move(event));
  }
  return {.batch = std::move(result)};
}

watch_events one(std::int64_t revision) {
  return batch(revision, revision, {{revision, 0}});
}

watch_events gap(std::int64_t first, std::int64_t last) {
  auto result = batch(first, last, {});
  result.gap = true;
  return result;
}

std::vector<std::int64_t> revisions(const cursor_output& out) {
  std::vector<std::int64_t> result;
  for (const auto& x : out.events)
    for (std::size_t i = 0; i < x.events.size(); ++i)
      result.push_back(x.events[i].change.at.main);
  return result;
}

using list = std::vector<std::int64_t>;

/// A cursor that was resumed and registered.
struct stage {
  explicit stage(std::int64_t from, std::int64_t published, std::int64_t floor = -1) {
    x.resume(from, out);
    EXPECT_TRUE(out.enroll);
    registered(published, floor);
  }

  void registered(std::int64_t published, std::int64_t floor = -1) {
    out = {};
    x.on_registered(published, floor, out);
  }

  void live(const watch_events& events, const cursor_limits& bounds = {}) {
    out = {};
    x.on_live(events, out, bounds);
  }

  void history(const watch_events& events, std::int64_t last) {
    auto request = asked;
    out = {};
    x.on_history(request, events, last, errc::none, 0, out);
  }

  /// Remembers the request that was just made.
  std::pair<std::int64_t, std::int64_t> reads() {
    if (!out.read)
      return {0, 0};
    asked = out.read->request;
    return {out.read->first, out.read->last};
  }

  cursor x;
  cursor_output out;
  std::uint64_t asked = 0;
};

using range = std::pair<std::int64_t, std::int64_t>;

TEST(cursor, from_now_on_sees_what_follows_the_registration) {
  stage s{0, 10};
  EXPECT_FALSE(s.out.read);
  EXPECT_TRUE(s.x.live());
  s.live(one(11));
  EXPECT_EQ(revisions(s.out), list{11});
  EXPECT_EQ(s.x.next(), 12);
}

TEST(cursor, of_a_watch_that_another_registered_everything_counts) {
  auto x = cursor::registered_by_another();
  EXPECT_TRUE(x.in_sync(5));
  cursor_output out;
  x.on_live(one(7), out);
  EXPECT_EQ(revisions(out), list{7});
  EXPECT_FALSE(x.has_enrolled());
}

TEST(cursor, the_past_comes_from_the_history_and_before_what_happens_meanwhile) {
  stage s{3, 5};
  EXPECT_EQ(s.reads(), range(3, 5));
  s.live(one(6));
  EXPECT_TRUE(s.out.events.empty());
  EXPECT_FALSE(s.x.in_sync(6));
  s.history(batch(1, 9, {{3, 0}, {5, 0}}), 5);
  EXPECT_EQ(revisions(s.out), (list{3, 5, 6}));
  EXPECT_TRUE(s.out.events[0].from_history);
  EXPECT_FALSE(s.out.events[1].from_history);
  EXPECT_TRUE(s.x.in_sync(6));
}

TEST(cursor, a_part_of_the_history_is_followed_by_the_rest) {
  stage s{1, 9};
  s.reads();
  s.history(one(2), 4);
  EXPECT_EQ(revisions(s.out), list{2});
  EXPECT_EQ(s.reads(), range(5, 9));
  EXPECT_FALSE(s.x.live());
  s.history({}, 9);
  EXPECT_TRUE(s.x.live());
}

TEST(cursor, what_lies_before_a_start_in_the_future_is_withheld) {
  stage s{20, 10};
  EXPECT_TRUE(s.x.live());
  s.live(one(11));
  EXPECT_TRUE(s.out.events.empty());
  EXPECT_FALSE(s.x.in_sync(11)) << "it has not begun";
  s.live(batch(15, 25, {{19, 0}, {20, 0}, {20, 1}, {25, 0}}));
  EXPECT_EQ(revisions(s.out), (list{20, 20, 25}));
  EXPECT_TRUE(s.x.in_sync(25));
}

TEST(cursor, a_start_at_the_floor_is_fine_and_one_below_is_the_end) {
  stage fine{7, 9, 7};
  EXPECT_EQ(fine.reads(), range(7, 9));
  stage gone{6, 9, 7};
  ASSERT_TRUE(gone.out.ended);
  EXPECT_EQ(gone.out.ended->error, errc::compacted);
  EXPECT_EQ(gone.out.ended->floor, 7);
  EXPECT_TRUE(gone.out.drop);
  gone.live(one(10));
  EXPECT_TRUE(gone.out.events.empty());
}

TEST(cursor, compaction_while_it_reads_is_the_end) {
  stage s{3, 9};
  s.reads();
  s.out = {};
  s.x.on_history(s.asked, {}, 0, errc::compacted, 8, s.out);
  ASSERT_TRUE(s.out.ended);
  EXPECT_EQ(s.out.ended->floor, 8);
}

TEST(cursor, too_much_kept_is_let_go_and_read_later) {
  stage s{1, 5};
  s.reads();
  const cursor_limits two{.kept_batches = 2};
  s.live(one(6), two);
  s.live(one(7), two);
  EXPECT_FALSE(s.out.drop);
  s.live(one(8), two);
  EXPECT_TRUE(s.out.drop);
  s.live(one(9), two);
  s.history(one(5), 5);
  EXPECT_EQ(revisions(s.out), list{5});
  EXPECT_TRUE(s.out.enroll);
  s.registered(9);
  EXPECT_EQ(s.reads(), range(6, 9));
  s.history(batch(6, 9, {{6, 0}, {7, 0}, {8, 0}, {9, 0}}), 9);
  EXPECT_EQ(revisions(s.out), (list{6, 7, 8, 9}));
  EXPECT_TRUE(s.x.live());
}

TEST(cursor, kept_events_are_bounded_in_bytes) {
  stage s{1, 5};
  s.reads();
  s.live(batch(6, 6, {{6, 0}, {6, 1}, {6, 2}}), {.kept_bytes = 2});
  EXPECT_TRUE(s.out.drop);
}

TEST(cursor, after_a_gap_it_registers_anew_and_reads) {
  stage s{0, 10};
  s.live(one(12));
  s.live(gap(14, 20));
  EXPECT_TRUE(s.out.enroll);
  s.live(one(21));
  EXPECT_TRUE(s.out.events.empty()) << "the history has it";
  s.registered(21);
  EXPECT_EQ(s.reads(), range(14, 21)) << "what was sent before the gap was seen";
}

TEST(cursor, an_answer_to_what_it_no_longer_asks_counts_for_nothing) {
  stage s{1, 5};
  s.reads();
  auto old = s.asked;
  cursor_output out;
  s.x.pause(out);
  EXPECT_TRUE(out.drop);
  s.x.resume(1, out);
  s.out = {};
  s.x.on_history(old, one(2), 5, errc::none, 0, s.out);
  EXPECT_TRUE(s.out.events.empty());
  s.registered(6);
  EXPECT_EQ(s.reads(), range(1, 6));
  s.out = {};
  s.x.on_history(old, one(2), 5, errc::none, 0, s.out);
  EXPECT_TRUE(s.out.events.empty());
  EXPECT_NE(s.asked, old);
}

TEST(cursor, of_two_registrations_the_second_answer_counts) {
  cursor x;
  cursor_output out;
  x.resume(1, out);
  x.pause(out);
  x.resume(1, out);
  out = {};
  x.on_registered(5, -1, out);
  EXPECT_FALSE(out.read);
  x.on_registered(8, -1, out);
  ASSERT_TRUE(out.read);
  EXPECT_EQ(out.read->last, 8);
}

TEST(cursor, paused_it_wants_nothing) {
  stage s{0, 10};
  cursor_output out;
  s.x.pause(out);
  s.live(one(11));
  s.live(gap(12, 13));
  EXPECT_TRUE(s.out.events.empty());
  EXPECT_FALSE(s.out.enroll);
}

/// Hub, history and one watch, as `handles.hpp` has them: what each says to the other arrives in
/// the order it was said; between different pairs anything goes.
class world {
public:
  explicit world(std::uint64_t seed) : random_(seed) {}

  void run(int steps) {
    start(roll(3) == 0 ? 0 : 1 + roll(40));
    for (int i = 0; i < steps; ++i)
      step(roll(10));
    for (int quiet = 0; quiet < 100'000 && (busy() || paused_); ++quiet)
      step(paused_ ? 6 : 1 + roll(4));
    judge();
  }

private:
  struct registered {
    std::int64_t published;
  };

  std::int64_t roll(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }

  void start(std::int64_t from) {
    for (auto n = roll(30); n > 0; --n)
      commit();
    sent_ = published_ = revision_;
    expected_from_ = from;
    resume(from);
  }

  // A revision of 0 to 3 events of the watch.
  void commit() {
    ++revision_;
    for (auto n = roll(4); n > 0; --n)
      all_.push_back({revision_, n});
  }

  watch_events slice(std::int64_t first, std::int64_t last) const {
    std::vector<revision> at;
    for (auto event : all_)
      if (event.main >= first && event.main <= last)
        at.push_back(event);
    std::ranges::sort(at);
    return batch(first, last, at);
  }

  void step(std::int64_t what) {
    switch (what) {
    case 0:
      commit();
      break;
    case 1: // the hub takes a batch, to be sent later
      published_ = revision_;
      break;
    case 2: // and sends what waits, or gives it up
      send();
      break;
    case 3: // the hub takes a message of the watch
      if (!to_hub_.empty()) {
        auto message = to_hub_.front();
        to_hub_.pop_front();
        enrolled_ = message;
        if (message) {
          // Slices of earlier batches may still be on their way: see `send`.
          from_hub_.push_back({true, {}, published_});
        }
      }
      break;
    case 4: // the watch takes one
      roll(2) == 0 ? take_from_hub() : take_from_history();
      break;
    case 5:
      if (!paused_ && roll(4) == 0) {
        cursor_output out;
        x_.pause(out);
        paused_ = true;
        carry_out(out);
      }
      break;
    case 6:
      if (paused_)
        resume(next_);
      break;
    default:
      step(1 + roll(4));
    }
  }

  void send() {
    if (sent_ == published_)
      return;
    auto first = sent_ + 1;
    auto last = first + roll(published_ - sent_);
    sent_ = last;
    if (!enrolled_)
      return;
    auto events = slice(first, last);
    if (events.size() == 0)
      return;
    if (roll(10) == 0)
      events = gap(first, last);
    from_hub_.push_back({false, std::move(events), 0});
  }

  void take_from_hub() {
    if (from_hub_.empty())
      return;
    auto message = std::move(from_hub_.front());
    from_hub_.pop_front();
    cursor_output out;
    if (message.registered)
      x_.on_registered(message.published, -1, out);
    else
      x_.on_live(message.events, out, {.kept_batches = 3});
    carry_out(out);
  }

  void take_from_history() {
    if (reads_.empty())
      return;
    auto read = reads_.front();
    reads_.pop_front();
    auto last = read.first + roll(read.last - read.first + 1);
    cursor_output out;
    // The batch of the history is shared by others, and larger.
    auto events = slice(1, revision_);
    auto which = std::make_shared<std::vector<std::uint32_t>>();
    for (std::uint32_t i = 0; i < events.size(); ++i)
      if (events[i].change.at.main >= read.first && events[i].change.at.main <= last)
        which->push_back(i);
    events.which = which;
    x_.on_history(read.request, events, last, errc::none, 0, out);
    carry_out(out);
  }

  void resume(std::int64_t from) {
    cursor_output out;
    x_.resume(from, out);
    paused_ = false;
    carry_out(out);
  }

  void carry_out(const cursor_output& out) {
    for (const auto& x : out.events) {
      for (std::size_t i = 0; i < x.events.size(); ++i)
        delivered_.push_back(x.events[i].change.at);
      next_ = x.upto + 1;
    }
    if (out.drop)
      to_hub_.push_back(false);
    if (out.enroll)
      to_hub_.push_back(true);
    if (out.read)
      reads_.push_back(*out.read);
    if (x_.live() && expected_from_ == 0)
      expected_from_ = std::max<std::int64_t>(x_.next(), 1);
    if (x_.live() || next_ == 0)
      next_ = std::max(next_, x_.next());
  }

  bool busy() const {
    return !to_hub_.empty() || !from_hub_.empty() || !reads_.empty() || sent_ != published_;
  }

  void judge() {
    ASSERT_TRUE(x_.live());
    std::vector<revision> expected;
    for (auto event : all_)
      if (expected_from_ > 0 && event.main >= expected_from_ && event.main <= published_)
        expected.push_back(event);
    std::ranges::sort(expected);
    EXPECT_EQ(delivered_, expected);
  }

  struct hub_message {
    bool registered;
    watch_events events;
    std::int64_t published;
  };

  std::mt19937_64 random_;
  std::int64_t revision_ = 1;
  std::vector<revision> all_;
  std::int64_t published_ = 1;
  /// The hub has told the watch of what is up to here; the rest of `published_` is still to come.
  std::int64_t sent_ = 1;
  bool enrolled_ = false;
  std::deque<bool> to_hub_;
  std::deque<hub_message> from_hub_;
  std::deque<cursor_output::reading> reads_;
  cursor x_;
  bool paused_ = false;
  std::int64_t next_ = 0;
  std::int64_t expected_from_ = 0;
  std::vector<revision> delivered_;
};

// Each event once and in order, whatever the interleaving (checklist 69 to 71).
TEST(cursor, in_every_interleaving_each_event_comes_once_and_in_order) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    world{seed}.run(300);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "seed " << seed;
      return;
    }
  }
}

TEST(packed_interest, comes_out_as_it_went_in) {
  using namespace std::string_view_literals;
  for (auto [key, end] : {std::pair{"a"sv, ""sv},
                          {"a"sv, "b"sv},
                          {"\0"sv, "\0"sv},
                          {"a long key that has memory of its own"sv, ""sv},
                          {"a"sv, "a\0"sv},
                          {"a\0"sv, "a\0\0\0"sv}})
    for (int flags = 0; flags < 8; ++flags) {
      const watch_interest interest{.keys = mvcc::key_range::of(key, end),
                                    .puts = (flags & 1) != 0,
                                    .deletions = (flags & 2) != 0,
                                    .previous = (flags & 4) != 0};
      EXPECT_EQ(packed_interest{interest}.unpack(), interest) << key << " to " << end;
    }
}

} // namespace
} // namespace troupe::watch
