#include "actors/watch/event_encoding.hpp"
#include "actors/watch/history_core.hpp"
#include "storage/memory_engine.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace troupe::watch {
namespace {

using kind = mvcc::event::type;
using texts = std::vector<std::string>;

watch_interest interest_in(std::string_view key, std::string_view end = {}) {
  return {.keys = mvcc::key_range::of(key, end)};
}

const watch_interest everything = interest_in(std::string(1, '\0'), std::string(1, '\0'));

std::string text_of(const mvcc::event& change, const std::optional<mvcc::key_value>& previous) {
  auto text =
    change.kv.key + "@" + std::to_string(change.at.main) + "." + std::to_string(change.at.sub);
  text += change.kind == kind::put ? "=" + change.kv.value : "-";
  return previous ? text + "<" + previous->value : text;
}

/// Compactions that never come to their end.
class stuck_engine final : public storage::engine {
public:
  explicit stuck_engine(storage::engine& real) : real_(real) {}

  bool stuck = false;

  void write(storage::write_batch& batch) override {
    if (stuck)
      throw std::runtime_error{"stuck"};
    real_.write(batch);
  }

  std::unique_ptr<storage::write_batch> make_batch() const override {
    return real_.make_batch();
  }
  const storage::read_view& latest() const override {
    return real_.latest();
  }
  std::unique_ptr<storage::read_view> snapshot() const override {
    return real_.snapshot();
  }
  void flush() override {
    real_.flush();
  }
  std::optional<std::string> durable(std::string_view meta_key) const override {
    return real_.durable(meta_key);
  }
  void raise_floor(std::int64_t at) override {
    real_.raise_floor(at);
  }
  std::int64_t floor() const override {
    return real_.floor();
  }
  void compact(bool data_too) override {
    real_.compact(data_too);
  }
  void checkpoint(const std::filesystem::path& directory) override {
    real_.checkpoint(directory);
  }
  storage::engine_sizes sizes() const override {
    return real_.sizes();
  }

private:
  storage::engine& real_;
};

struct history_core_test : testing::Test {
  void put(const std::string& key, const std::string& value = "v") {
    store.begin()->put(key, value, {}, false);
    commit();
  }

  void erase(const std::string& key) {
    store.begin()->delete_range(mvcc::key_range::of(key, {}), nullptr);
    commit();
  }

  /// One transaction that puts all of these.
  void put_all(const texts& keys, const std::string& value = "v") {
    auto txn = store.begin();
    for (const auto& key : keys)
      txn->put(key, value, {}, false);
    txn.reset();
    commit();
  }

  void compact(std::int64_t at) {
    store.compact(at);
    commit();
  }

  void commit() {
    applied = applied + 1;
    for (auto& event : store.commit({{1}, applied}))
      changes.push_back(std::move(event));
  }

  texts show(const history_core::part& part) {
    texts result;
    for (std::size_t i = 0; i < part.events.size(); ++i) {
      const auto& event = part.events[i];
      EXPECT_EQ(event.encoded, encode_event(event.change));
      result.push_back(text_of(event.change, event.previous));
    }
    return result;
  }

  /// All parts, one after the other.
  texts read(const watch_interest& interest, std::int64_t first, std::int64_t last,
             std::size_t max_bytes = 1 << 20) {
    texts all;
    while (first <= last) {
      auto part = history->read(interest, first, last, max_bytes);
      EXPECT_EQ(part.error, errc::none);
      EXPECT_GE(part.last, first);
      EXPECT_LE(part.last, last);
      for (std::size_t i = 0; i < part.events.size(); ++i) {
        EXPECT_GE(part.events[i].change.at.main, first);
        EXPECT_LE(part.events[i].change.at.main, part.last);
      }
      const auto texts = show(part);
      all.insert(all.end(), texts.begin(), texts.end());
      if (part.last < first || part.error != errc::none)
        break;
      first = part.last + 1;
    }
    return all;
  }

  /// What `read` must find, from the changes as the store gave them out.
  texts expected(const watch_interest& interest, std::int64_t first, std::int64_t last) {
    texts result;
    std::map<std::string, mvcc::key_value> now;
    std::map<std::string, mvcc::key_value> before;
    std::int64_t revision = 0;
    for (const auto& change : changes) {
      if (change.at.main != revision)
        before = now;
      revision = change.at.main;
      const auto wanted = change.kind == kind::put ? interest.puts : interest.deletions;
      const auto old = before.find(change.kv.key);
      if (first <= revision && revision <= last && wanted && interest.keys.contains(change.kv.key))
        result.push_back(text_of(change, interest.previous && has_previous(change)
                                             && old != before.end() && revision > store.compacted()
                                           ? std::optional{old->second}
                                           : std::nullopt));
      if (change.kind == kind::put)
        now[change.kv.key] = change.kv;
      else
        now.erase(change.kv.key);
    }
    return result;
  }

  void make(history_limits limits) {
    history.emplace(store, limits);
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  log_index applied;
  std::vector<mvcc::event> changes;
  std::optional<history_core> history{store};
};

TEST_F(history_core_test, shows_the_window_that_is_asked_for) {
  for (const auto* key : {"a", "b", "a", "c", "a"})
    put(key);
  EXPECT_EQ(read(interest_in("a"), 2, 6), (texts{"a@2.0=v", "a@4.0=v", "a@6.0=v"}));
  EXPECT_EQ(read(interest_in("a"), 3, 5), texts{"a@4.0=v"});
  EXPECT_EQ(read(interest_in("b", "d"), 2, 6), (texts{"b@3.0=v", "c@5.0=v"}));
  EXPECT_EQ(read(interest_in("x"), 2, 6), texts{});
  EXPECT_EQ(history->read(interest_in("x"), 2, 6, 1).last, 6);
}

TEST_F(history_core_test, a_window_of_nothing) {
  put("a");
  auto part = history->read(everything, 3, 2, 1);
  EXPECT_EQ(part.error, errc::none);
  EXPECT_EQ(part.last, 2);
  EXPECT_EQ(part.events.size(), 0u);
}

TEST_F(history_core_test, what_is_not_written_yet_is_not_waited_for) {
  put("a");
  auto part = history->read(everything, 2, 100, 1);
  EXPECT_EQ(show(part), texts{"a@2.0=v"});
  EXPECT_EQ(part.last, 2);
}

TEST_F(history_core_test, what_is_below_the_floor_is_compacted) {
  for (const auto* key : {"a", "b", "a", "c", "a"})
    put(key);
  read(everything, 2, 6);
  compact(4);
  auto part = history->read(everything, 3, 6, 1 << 20);
  EXPECT_EQ(part.error, errc::compacted);
  EXPECT_EQ(part.floor, 4);
  EXPECT_EQ(read(everything, 4, 6), (texts{"a@4.0=v", "c@5.0=v", "a@6.0=v"}));
  store.remove_history(true);
  make({});
  EXPECT_EQ(read(everything, 4, 6), (texts{"a@4.0=v", "c@5.0=v", "a@6.0=v"}));
  EXPECT_EQ(history->read(everything, 3, 6, 1).error, errc::compacted);
}

TEST_F(history_core_test, a_deletion_at_the_floor_is_still_shown) {
  put("a");
  erase("a");
  put("b");
  compact(3);
  store.remove_history(true);
  EXPECT_EQ(read(everything, 3, 4), (texts{"a@3.0-", "b@4.0=v"}));
}

TEST_F(history_core_test, blocks_below_the_floor_are_dropped) {
  make({.block_bytes = 1});
  for (int i = 0; i < 10; ++i)
    put("a");
  read(everything, 2, 11);
  const auto blocks = history->blocks();
  EXPECT_EQ(blocks, 10u);
  compact(8);
  read(everything, 11, 11);
  EXPECT_EQ(history->blocks(), 4u);
}

TEST_F(history_core_test, a_transaction_is_never_split) {
  put_all({"a", "b", "c"}, std::string(100, 'x'));
  put_all({"a", "b", "c"}, std::string(100, 'y'));
  for (std::size_t max_bytes : {0, 1, 150, 250}) {
    auto part = history->read(everything, 2, 3, max_bytes);
    EXPECT_EQ(part.events.size(), 3u);
    EXPECT_EQ(part.last, 2);
  }
  EXPECT_EQ(history->read(everything, 2, 3, 1000).events.size(), 6u);
  make({.block_bytes = 1});
  EXPECT_EQ(history->read(everything, 2, 3, 1000).events.size(), 3u);
}

TEST_F(history_core_test, one_part_holds_at_most_1000_revisions) {
  for (int i = 0; i < 1100; ++i)
    put("a");
  auto part = history->read(interest_in("a"), 2, 1101, 1 << 20);
  EXPECT_EQ(part.events.size(), 1000u);
  EXPECT_EQ(part.last, 1001);
  EXPECT_EQ(history->read(interest_in("a"), 1002, 1101, 1 << 20).events.size(), 100u);
}

TEST_F(history_core_test, many_who_read_the_same_read_the_store_once) {
  for (int i = 0; i < 1000; ++i)
    put("key" + std::to_string(i % 100));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(read(interest_in("key" + std::to_string(i)), 2 + i, 1001).size(), 10u);
  EXPECT_EQ(history->events_read(), 1000u);
  auto one = history->read(everything, 2, 1001, 1 << 20);
  auto other = history->read(everything, 2, 1001, 1 << 20);
  EXPECT_EQ(one.events.batch, other.events.batch);
  EXPECT_EQ(one.events.which, other.events.which);
}

TEST_F(history_core_test, readers_at_a_moving_end_leave_few_blocks) {
  for (int i = 0; i < 640; ++i) {
    put("a");
    EXPECT_EQ(read(everything, 2 + i, 2 + i).size(), 1u);
  }
  EXPECT_LE(history->blocks(), 12u);
  EXPECT_EQ(history->events_read(), 640u);
}

TEST_F(history_core_test, keeps_no_more_than_it_may) {
  make({.cache_bytes = 20'000, .block_bytes = 5'000});
  for (int i = 0; i < 200; ++i)
    put("a", std::string(200, 'x'));
  auto previous = everything;
  previous.previous = true;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(read(everything, 2, 201), expected(everything, 2, 201));
    EXPECT_EQ(read(previous, 2, 201), expected(previous, 2, 201));
    EXPECT_LE(history->bytes(), 25'000u);
    EXPECT_GE(history->blocks(), 1u);
  }
}

TEST_F(history_core_test, one_request_does_not_read_forever) {
  make({.block_bytes = 1, .loads_per_request = 3});
  for (int i = 0; i < 10; ++i)
    put("a");
  auto part = history->read(interest_in("x"), 2, 11, 1);
  EXPECT_EQ(part.events.size(), 0u);
  EXPECT_LT(part.last, 11);
  EXPECT_EQ(read(interest_in("x"), 2, 11), texts{});
}

TEST_F(history_core_test, what_was_before_a_change) {
  put("a", "1");
  put("a", "2");
  erase("a");
  put("a", "3");
  auto wanted = interest_in("a");
  wanted.previous = true;
  EXPECT_EQ(read(wanted, 2, 5), (texts{"a@2.0=1", "a@3.0=2<1", "a@4.0-<2", "a@5.0=3"}));
  auto part = history->read(wanted, 3, 3, 1);
  ASSERT_EQ(part.events.size(), 1u);
  EXPECT_EQ(part.events[0].encoded_with_previous,
            encode_event(part.events[0].change, &*part.events[0].previous));
  // What the floor keeps is there; what was before the change at the floor is not.
  compact(3);
  make({});
  EXPECT_EQ(read(wanted, 3, 5), (texts{"a@3.0=2", "a@4.0-<2", "a@5.0=3"}));
}

TEST_F(history_core_test, fills_in_what_was_before_for_the_hub) {
  put("a", "1");
  put("a", "2");
  put("a", "3");
  put("b", "1");
  erase("a");
  event_batch batch{.first = 2, .last = 6};
  // A change between is missing, as for a hub whose watchers do not want puts.
  for (std::size_t i : {0, 1, 3, 4})
    batch.events.push_back({.change = changes[i]});
  history->fill_previous(batch, {1, 3});
  EXPECT_FALSE(batch.events[0].previous.has_value());
  EXPECT_EQ(batch.events[1].previous->value, "1");
  EXPECT_FALSE(batch.events[2].previous.has_value());
  EXPECT_EQ(batch.events[3].previous->value, "3");
  EXPECT_EQ(batch.events[3].encoded_with_previous,
            encode_event(changes[4], &*batch.events[3].previous));
  EXPECT_TRUE(batch.events[0].encoded_with_previous.empty());
}

TEST_F(history_core_test, finds_what_a_list_of_all_changes_shows) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    std::mt19937_64 random{seed};
    make({.cache_bytes = random() % 2 == 0 ? 4'000U : 1'000'000U,
          .block_bytes = 200 + random() % 4000,
          .loads_per_request = 1 + static_cast<unsigned>(random() % 4)});
    auto some_key = [&] { return std::string(1, static_cast<char>('a' + random() % 6)); };
    for (int step = 0; step < 200; ++step) {
      switch (random() % 6) {
      case 0:
        erase(some_key());
        break;
      case 1: {
        // Deletes and puts again, in one transaction.
        auto txn = store.begin();
        const auto key = some_key();
        txn->delete_range(mvcc::key_range::of(key, {}), nullptr);
        txn->put(key, std::to_string(step), {}, false);
        txn.reset();
        commit();
        break;
      }
      case 2:
        if (random() % 10 == 0 && store.compacted() + 20 < store.revision())
          compact(store.compacted() + 1 + static_cast<std::int64_t>(random() % 20));
        break;
      default:
        put(some_key(), std::to_string(step));
      }
      const auto floor = std::max(store.compacted(), std::int64_t{1});
      const auto span = static_cast<std::uint64_t>(store.revision() - floor + 1);
      const auto first = floor + static_cast<std::int64_t>(random() % span);
      const auto last = first + static_cast<std::int64_t>(random() % span);
      auto wanted =
        random() % 3 == 0 ? everything : interest_in(some_key(), random() % 2 ? "e" : "");
      wanted.puts = random() % 4 != 0;
      wanted.deletions = random() % 4 != 0;
      const auto upto = std::min(last, store.revision());
      ASSERT_EQ(read(wanted, first, upto, random() % 500), expected(wanted, first, upto))
        << "seed " << seed << " step " << step;
    }
  }
}

// The floor of the changes rises before the compaction is written: whoever reads meanwhile must not
// wait for it.
TEST(history_core, a_compaction_under_way_counts) {
  storage::memory_disk disk;
  storage::memory_engine memory{disk, "state"};
  stuck_engine engine{memory};
  mvcc::store store{engine};
  log_index applied;
  for (int i = 0; i < 8; ++i) {
    store.begin()->put("a", "v", {}, false);
    store.commit({{1}, applied = applied + 1});
  }
  history_core history{store};
  store.compact(6);
  engine.stuck = true;
  EXPECT_ANY_THROW(store.commit({{1}, applied + 1}));
  auto lost = history.read(interest_in("a"), 3, 9, 1 << 20);
  EXPECT_EQ(lost.error, errc::compacted);
  EXPECT_EQ(lost.floor, 6);
  auto found = history.read(interest_in("a"), 6, 9, 1 << 20);
  EXPECT_EQ(found.error, errc::none);
  EXPECT_EQ(found.events.size(), 4u);
}

// With a cache that holds a part of the history only.
TEST_F(history_core_test, many_who_catch_up_together_read_each_change_once) {
  constexpr int revisions = 2000;
  for (int i = 0; i < revisions; ++i)
    put("k", std::string(50, 'v'));
  history_core small{store, {.cache_bytes = 20'000, .block_bytes = 2'000, .loads_per_request = 2}};
  std::vector<std::int64_t> positions(30, 2);
  const auto last = store.revision();
  while (std::ranges::min(positions) <= last)
    for (auto& position : positions)
      if (position <= last)
        position = small.read(interest_in("x"), position, last, 1 << 20).last + 1;
  EXPECT_GE(small.events_read(), static_cast<std::uint64_t>(revisions));
  EXPECT_LE(small.events_read(), revisions * 3U / 2);
}

} // namespace
} // namespace troupe::watch
