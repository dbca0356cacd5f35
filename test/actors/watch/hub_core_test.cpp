#include "actors/watch/hub_core.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace troupe::watch {
namespace {

using kind = mvcc::event::type;

struct numbered {
  std::uint64_t number = 0;

  std::uint64_t id() const {
    return number;
  }
};

mvcc::event put(std::int64_t main, std::string key, std::int64_t version = 1,
                std::int64_t sub = 0) {
  return {kind::put, {main, sub}, {std::move(key), "v", main - version + 1, main, version, {}}};
}

mvcc::event deletion(std::int64_t main, std::string key) {
  return {kind::deletion, {main, 0}, {std::move(key), "", 0, main, 0, {}}};
}

watch_interest interest_in(std::string_view key, std::string_view end = {}) {
  return {.keys = mvcc::key_range::of(key, end)};
}

watch_interest with_previous(watch_interest interest) {
  interest.previous = true;
  return interest;
}

/// The core with a host that keeps what it is told to send, "key@revision" for each event.
struct hub {
  explicit hub(hub_limits limits = {}) : core(1, limits) {}

  void publish(std::vector<mvcc::event> events) {
    hub_pending news{core.published() + 1, core.published(), {3}, std::move(events)};
    if (!news.events.empty())
      news.last = news.events.back().at.main;
    take([&](auto& out) { core.on_publish(std::move(news), floor, out); });
  }

  void watch(std::uint64_t number, const watch_interest& interest) {
    core.add(interest, {number});
  }

  void tick() {
    ASSERT_TRUE(tick_wanted);
    tick_wanted = false;
    take([&](auto& out) { core.on_tick(out); });
  }

  void tick_to_the_end() {
    while (tick_wanted)
      tick();
  }

  void ask() {
    take([&](auto& out) { core.on_progress_question(out); });
  }

  /// As the history would, with a value that names the revision before.
  void answer_previous() {
    ASSERT_TRUE(asked.has_value());
    for (auto position : asked->which) {
      auto& event = asked->batch->events[position];
      event.previous = event.change.kv;
      event.encoded_with_previous = blob{"filled"};
    }
    const auto request = std::exchange(asked, std::nullopt)->request;
    take([&](auto& out) { core.on_previous(request, out); });
  }

  template <class Step>
  void take(Step step) {
    hub_core<numbered>::output out;
    step(out);
    std::size_t woken = 0;
    for (const auto& wake : out.wake_ups) {
      for (std::size_t i = 0; i < wake.watchers; ++i) {
        auto& heard = sent[out.watchers.at(woken++)->number];
        if (wake.what.gap)
          heard.push_back("gap " + std::to_string(wake.what.batch->first) + "-"
                          + std::to_string(wake.what.batch->last));
        for (std::size_t e = 0; e < wake.what.size(); ++e)
          heard.push_back(wake.what[e].change.kv.key + "@"
                          + std::to_string(wake.what[e].change.at.main));
      }
      messages.push_back(wake.what);
    }
    EXPECT_EQ(woken, out.watchers.size());
    largest_slice = std::max(largest_slice, woken);
    progress.insert(progress.end(), out.progress_answers, core.sent());
    if (out.to_fill) {
      EXPECT_FALSE(asked.has_value()) << "one at a time";
      asked = std::move(out.to_fill);
    }
    EXPECT_FALSE(tick_wanted && out.wants_tick) << "one at a time";
    tick_wanted = tick_wanted || out.wants_tick;
  }

  using texts = std::vector<std::string>;

  texts heard_by(std::uint64_t number) {
    return std::exchange(sent[number], {});
  }

  hub_core<numbered> core;
  std::int64_t floor = -1;
  std::map<std::uint64_t, texts> sent;
  std::vector<watch_events> messages;
  std::vector<std::int64_t> progress;
  std::optional<hub_core<numbered>::output::wanted_previous> asked;
  bool tick_wanted = false;
  std::size_t largest_slice = 0;
};

using texts = hub::texts;

TEST(hub_core, tells_each_watcher_what_concerns_it) {
  hub hub;
  hub.watch(1, interest_in("a"));
  hub.watch(2, interest_in("a", "c"));
  hub.watch(3, interest_in("x"));
  hub.publish({put(2, "a"), put(3, "b"), put(4, "d")});
  EXPECT_EQ(hub.heard_by(1), texts{"a@2"});
  EXPECT_EQ(hub.heard_by(2), (texts{"a@2", "b@3"}));
  EXPECT_EQ(hub.heard_by(3), texts{});
  EXPECT_EQ(hub.core.published(), 4);
  EXPECT_EQ(hub.core.sent(), 4);
}

TEST(hub_core, a_batch_holds_the_concerned_events_alone_and_its_whole_window) {
  hub hub;
  hub.watch(1, interest_in("b"));
  hub.publish({put(2, "a"), put(3, "b"), put(4, "d")});
  ASSERT_EQ(hub.messages.size(), 1u);
  const auto& batch = *hub.messages[0].batch;
  EXPECT_EQ(batch.first, 2);
  EXPECT_EQ(batch.last, 4);
  EXPECT_EQ(batch.term, term_t{3});
  ASSERT_EQ(batch.events.size(), 1u);
  EXPECT_FALSE(batch.events[0].encoded.empty());
  EXPECT_TRUE(batch.events[0].encoded_with_previous.empty());
  EXPECT_EQ(hub.messages[0].which, nullptr);
}

TEST(hub_core, a_registration_comes_too_late_for_what_is_published) {
  hub hub{{.slice = 1}};
  hub.watch(1, interest_in("a"));
  hub.watch(2, interest_in("a"));
  hub.publish({put(2, "a")});
  // The second watcher waits for the next slice; this change waits behind it.
  hub.publish({put(3, "a", 2)});
  hub.watch(3, interest_in("a"));
  EXPECT_EQ(hub.core.published(), 3);
  hub.publish({put(4, "a", 3)});
  hub.tick_to_the_end();
  EXPECT_EQ(hub.heard_by(1), (texts{"a@2", "a@3", "a@4"}));
  EXPECT_EQ(hub.heard_by(2), (texts{"a@2", "a@3", "a@4"}));
  EXPECT_EQ(hub.heard_by(3), texts{"a@4"});
}

TEST(hub_core, registering_again_replaces) {
  hub hub;
  hub.watch(1, interest_in("a"));
  hub.watch(1, interest_in("b"));
  EXPECT_EQ(hub.core.watchers(), 1u);
  hub.publish({put(2, "a"), put(3, "b")});
  EXPECT_EQ(hub.heard_by(1), texts{"b@3"});
}

TEST(hub_core, after_a_drop_nothing_comes) {
  hub hub{{.slice = 1}};
  for (std::uint64_t i = 1; i <= 3; ++i)
    hub.watch(i, interest_in("a"));
  hub.publish({put(2, "a")});
  hub.publish({put(3, "a", 2)});
  // One of them has heard of the first change. All that waits is given up with its watchers.
  const auto heard = hub.sent.size();
  EXPECT_EQ(heard, 1u);
  for (std::uint64_t i = 1; i <= 4; ++i)
    hub.core.drop(i);
  hub.tick_to_the_end();
  EXPECT_EQ(hub.sent.size(), 1u);
  EXPECT_EQ(hub.core.watchers(), 0u);
  EXPECT_EQ(hub.core.sent(), 3);
}

TEST(hub_core, wakes_many_in_slices) {
  hub hub{{.slice = 1000}};
  for (std::uint64_t i = 1; i <= 4500; ++i)
    hub.watch(i, interest_in(i % 2 == 0 ? "a" : "b"));
  hub.publish({put(2, "a"), put(3, "b")});
  EXPECT_EQ(hub.largest_slice, 1000u);
  int ticks = 0;
  for (; hub.tick_wanted; ++ticks)
    hub.tick();
  EXPECT_EQ(ticks, 4);
  EXPECT_EQ(hub.largest_slice, 1000u);
  for (std::uint64_t i = 1; i <= 4500; ++i)
    ASSERT_EQ(hub.heard_by(i), texts{i % 2 == 0 ? "a@2" : "b@3"});
}

TEST(hub_core, goes_on_in_narrower_slices_when_there_is_no_end_until_it_comes) {
  hub hub{{.slice = 100, .long_run = 300, .slice_of_long_run = 10}};
  for (std::uint64_t i = 1; i <= 400; ++i)
    hub.watch(i, interest_in("a"));
  for (std::int64_t round = 0; round < 2; ++round) {
    hub.publish({put(2 + round, "a", 1 + round)});
    EXPECT_EQ(hub.largest_slice, 100u);
    hub.tick();
    hub.tick();
    hub.largest_slice = 0;
    hub.tick_to_the_end();
    EXPECT_EQ(hub.largest_slice, 10u);
    for (std::uint64_t i = 1; i <= 400; ++i)
      ASSERT_EQ(hub.heard_by(i), texts{"a@" + std::to_string(2 + round)});
    hub.largest_slice = 0;
  }
}

TEST(hub_core, small_wake_ups_need_no_tick_until_they_are_many) {
  hub hub{{.slice = 3}};
  hub.watch(1, interest_in("a"));
  hub.publish({put(2, "a")});
  hub.publish({put(3, "a", 2)});
  EXPECT_FALSE(hub.tick_wanted);
  hub.publish({put(4, "a", 3)});
  EXPECT_TRUE(hub.tick_wanted);
  hub.publish({put(5, "a", 4)});
  EXPECT_EQ(hub.heard_by(1), (texts{"a@2", "a@3", "a@4"}));
  hub.tick();
  EXPECT_EQ(hub.heard_by(1), texts{"a@5"});
}

TEST(hub_core, what_waits_becomes_one_batch) {
  hub hub{{.slice = 1}};
  hub.watch(1, interest_in("a"));
  hub.publish({put(2, "a")});
  for (std::int64_t i = 3; i < 10; ++i)
    hub.publish({put(i, "a", i - 1)});
  EXPECT_EQ(hub.messages.size(), 1u);
  EXPECT_EQ(hub.core.waiting_events(), 7u);
  hub.tick_to_the_end();
  ASSERT_EQ(hub.messages.size(), 2u);
  EXPECT_EQ(hub.messages[1].size(), 7u);
  EXPECT_EQ(hub.messages[1].batch->first, 3);
  EXPECT_EQ(hub.messages[1].batch->last, 9);
  EXPECT_EQ(hub.core.waiting_events(), 0u);
}

TEST(hub_core, batches_that_wait_become_one_only_up_to_a_bound) {
  hub hub{{.slice = 1, .queue = {.merge_revisions = 3}}};
  hub.watch(1, interest_in("a"));
  for (std::int64_t i = 2; i < 9; ++i)
    hub.publish({put(i, "a", i - 1)});
  hub.tick_to_the_end();
  ASSERT_EQ(hub.messages.size(), 3u);
  EXPECT_EQ(hub.messages[1].batch->last, 5);
  EXPECT_EQ(hub.messages[2].batch->last, 8);
}

TEST(hub_core, a_publication_beyond_the_bound_is_cut_between_transactions) {
  hub hub{{.queue = {.merge_revisions = 2}}};
  hub.watch(1, interest_in("a"));
  hub.publish({put(2, "a", 1), put(3, "a", 2), put(3, "a", 2), put(4, "b", 1), put(5, "a", 3),
               put(6, "a", 5)});
  ASSERT_EQ(hub.messages.size(), 3u);
  EXPECT_EQ(hub.messages[0].size(), 3u);
  EXPECT_EQ(hub.messages[0].batch->first, 2);
  EXPECT_EQ(hub.messages[0].batch->last, 3);
  EXPECT_EQ(hub.messages[1].batch->first, 4);
  EXPECT_EQ(hub.messages[1].batch->last, 5);
  EXPECT_EQ(hub.messages[2].batch->first, 6);
  EXPECT_EQ(hub.messages[2].batch->last, 6);
}

TEST(hub_core, asks_for_what_was_there_before_and_keeps_the_order_meanwhile) {
  hub hub;
  hub.watch(1, with_previous(interest_in("a")));
  hub.watch(2, interest_in("b"));
  hub.publish({put(2, "b"), put(3, "a", 5)});
  ASSERT_TRUE(hub.asked.has_value());
  EXPECT_EQ(hub.asked->which, std::vector<std::uint32_t>{1});
  hub.publish({put(4, "b", 2)});
  hub.publish({deletion(5, "a")});
  EXPECT_TRUE(hub.sent.empty());
  hub.answer_previous();
  EXPECT_EQ(hub.heard_by(2), (texts{"b@2"}));
  EXPECT_EQ(hub.heard_by(1), (texts{"a@3"}));
  hub.answer_previous();
  EXPECT_EQ(hub.heard_by(2), (texts{"b@4"}));
  EXPECT_EQ(hub.heard_by(1), (texts{"a@5"}));
  EXPECT_EQ(hub.messages.back()[0].encoded_with_previous.view(), "filled");
}

TEST(hub_core, nobody_asks_what_was_before_a_creation) {
  hub hub;
  hub.watch(1, with_previous(interest_in("a")));
  hub.publish({put(2, "a")});
  EXPECT_FALSE(hub.asked.has_value());
  ASSERT_EQ(hub.heard_by(1), texts{"a@2"});
  EXPECT_FALSE(hub.messages[0][0].encoded_with_previous.empty());
}

TEST(hub_core, an_answer_to_another_question_is_passed_over) {
  hub hub;
  hub.watch(1, with_previous(interest_in("a")));
  hub.publish({put(2, "a", 2)});
  hub.take([&](auto& out) { hub.core.on_previous(hub.asked->request + 1, out); });
  EXPECT_TRUE(hub.sent.empty());
  hub.answer_previous();
  EXPECT_EQ(hub.heard_by(1), texts{"a@2"});
}

TEST(hub_core, progress_comes_behind_what_was_published_before_the_question) {
  hub hub{{.slice = 2}};
  hub.ask();
  EXPECT_EQ(hub.progress, std::vector<std::int64_t>{1});
  for (std::uint64_t i = 1; i <= 3; ++i)
    hub.watch(i, interest_in("a"));
  hub.publish({put(2, "a")});
  hub.ask();
  hub.publish({put(3, "b")});
  EXPECT_EQ(hub.progress.size(), 1u);
  EXPECT_EQ(hub.sent.size(), 2u);
  hub.tick();
  EXPECT_EQ(hub.sent.size(), 3u);
  // The batch that concerned nobody was done with, too.
  EXPECT_EQ(hub.progress, (std::vector<std::int64_t>{1, 3}));
}

TEST(hub_core, the_floor_and_the_term_move_without_changes) {
  hub hub;
  hub.publish({put(2, "a")});
  hub.floor = 2;
  hub.publish({});
  EXPECT_EQ(hub.core.floor(), 2);
  EXPECT_EQ(hub.core.published(), 2);
  EXPECT_EQ(hub.core.term(), term_t{3});
  hub_core<numbered>::output out;
  EXPECT_THROW(hub.core.on_publish({.first = 4, .last = 4}, 2, out), invariant_error);
}

TEST(hub_core, beyond_its_bound_it_leaves_out_the_oldest_and_says_so_to_whom_it_concerns) {
  hub hub{{.slice = 1, .waiting_bytes = 5 * (sizeof(mvcc::event) + 2), .queue = {0, 1000}}};
  hub.watch(1, interest_in("a"));
  hub.watch(2, interest_in("b"));
  hub.watch(3, interest_in("c"));
  hub.publish({put(2, "a")});
  // The slice is full. 3 to 7 fill the queue; 8, 9 and 10 drive out 3, 4 and 5.
  hub.publish({put(3, "z")});
  for (std::int64_t i = 4; i <= 10; ++i)
    hub.publish({put(i, i < 6 ? (i == 4 ? "b" : "z") : "a", 2)});
  hub.ask();
  hub.tick_to_the_end();
  EXPECT_EQ(hub.heard_by(1), (texts{"a@2", "a@6", "a@7", "a@8", "a@9", "a@10"}));
  EXPECT_EQ(hub.heard_by(2), texts{"gap 3-5"});
  EXPECT_EQ(hub.heard_by(3), texts{});
  EXPECT_EQ(hub.progress, std::vector<std::int64_t>{10});
}

TEST(hub_core, who_registers_after_a_gap_hears_nothing_of_it) {
  hub hub{{.slice = 1, .waiting_bytes = 1}};
  hub.watch(1, interest_in("a"));
  hub.watch(2, interest_in("a"));
  hub.publish({put(2, "a")});
  hub.publish({put(3, "a", 2)});
  hub.watch(2, interest_in("a"));
  hub.watch(3, interest_in("a"));
  hub.tick_to_the_end();
  hub.publish({put(4, "a", 3)});
  hub.tick_to_the_end();
  EXPECT_EQ(hub.sent[1].back(), "a@4");
  EXPECT_EQ(std::ranges::count(hub.sent[1], "gap 3-3"), 1);
  EXPECT_EQ(std::ranges::count(hub.sent[2], "gap 3-3"), 0);
  EXPECT_EQ(hub.heard_by(3), texts{"a@4"});
}

TEST(hub_core, a_large_publication_that_need_not_wait_is_never_left_out) {
  hub hub{{.slice = 10, .waiting_bytes = 1}};
  hub.watch(1, interest_in("a"));
  hub.publish({put(2, "a"), put(3, "a", 2)});
  EXPECT_EQ(hub.heard_by(1), (texts{"a@2", "a@3"}));
}

/// Anything in any order: every watcher hears, once and in order, of each change above its
/// registration that concerns it, unless it was told of a gap around it.
TEST(hub_core, nobody_misses_anything_whatever_the_order_of_steps) {
  int gaps = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    std::mt19937_64 random{seed};
    hub hub{{.slice = 1 + random() % 6,
             .long_run = random() % 20,
             .slice_of_long_run = 1 + random() % 3,
             .waiting_bytes = (5 + random() % 60) * sizeof(mvcc::event),
             .queue = {random() % 2000, 1 + static_cast<std::int64_t>(random() % 5)}}};
    struct watcher {
      watch_interest interest;
      texts due;
    };
    std::map<std::uint64_t, watcher> watchers;
    auto check = [&](std::uint64_t number, const watcher& of) {
      const auto heard = hub.heard_by(number);
      auto due = of.due.begin();
      std::int64_t told = 0;
      for (const auto& text : heard) {
        if (text.starts_with("gap ")) {
          ++gaps;
          told = std::stoll(text.substr(text.find('-') + 1));
          continue;
        }
        while (due != of.due.end() && *due != text) {
          ASSERT_LE(std::stoll(due->substr(2)), told) << "seed " << seed;
          ++due;
        }
        ASSERT_NE(due, of.due.end()) << text << " was not due, seed " << seed;
        ++due;
      }
      for (; due != of.due.end(); ++due)
        ASSERT_LE(std::stoll(due->substr(2)), told) << "seed " << seed;
    };
    auto finish = [&] {
      while (hub.tick_wanted || hub.asked)
        hub.asked ? hub.answer_previous() : hub.tick();
    };
    std::int64_t asked = 0;
    for (int step = 0; step < 400; ++step) {
      const auto number = 1 + random() % 20;
      switch (random() % 8) {
      case 0:
        if (!watchers.contains(number)) {
          const std::string key(1, static_cast<char>('a' + random() % 4));
          auto interest = random() % 2 == 0 ? interest_in(key) : interest_in(key, "d");
          interest.previous = random() % 4 == 0;
          if (interest.keys.empty())
            break;
          watchers[number] = {interest, {}};
          hub.watch(number, interest);
        }
        break;
      case 1:
        if (random() % 3 == 0) {
          hub.core.drop(number);
          watchers.erase(number);
          // What it heard before does not count.
          hub.sent.erase(number);
        }
        break;
      case 2:
        if (hub.tick_wanted)
          hub.tick();
        break;
      case 3:
        if (hub.asked)
          hub.answer_previous();
        break;
      case 4:
        hub.ask();
        ++asked;
        break;
      default: {
        std::vector<mvcc::event> events;
        for (auto n = 1 + random() % 3; n > 0; --n)
          events.push_back(put(hub.core.published() + 1 + static_cast<std::int64_t>(events.size()),
                               std::string(1, static_cast<char>('a' + random() % 4)),
                               1 + static_cast<std::int64_t>(random() % 2)));
        for (const auto& event : events)
          for (auto& [_, of] : watchers)
            if (of.interest.keys.contains(event.kv.key))
              of.due.push_back(event.kv.key + "@" + std::to_string(event.at.main));
        hub.publish(std::move(events));
      }
      }
    }
    finish();
    EXPECT_EQ(hub.core.sent(), hub.core.published());
    EXPECT_EQ(static_cast<std::int64_t>(hub.progress.size()), asked);
    EXPECT_TRUE(std::ranges::is_sorted(hub.progress));
    for (const auto& [number, of] : watchers)
      check(number, of);
  }
  EXPECT_GT(gaps, 100) << "the bound was hardly reached";
}

} // namespace
} // namespace troupe::watch
