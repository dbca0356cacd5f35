#include "storage/mvcc/count_index.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace troupe::mvcc {
namespace {

const key_range all{"", std::nullopt};

std::string key(std::size_t n) {
  return "k" + std::to_string(100'000 + n);
}

/// Keys by revision, and an index that follows them.
class world {
public:
  world(count_limits limits, std::int64_t keys) : index(limits, 1, keys == 0) {
    auto& first = history[1];
    for (std::int64_t i = 0; i < keys; ++i)
      first.insert(key(static_cast<std::size_t>(i)));
  }

  void change(const std::string& k) {
    auto next = history.rbegin()->second;
    const auto at = history.rbegin()->first + 1;
    const bool came = next.insert(k).second;
    if (!came)
      next.erase(k);
    history[at] = std::move(next);
    index.add({{at, came ? 1 : -1, k}});
  }

  std::int64_t newest() const {
    return history.rbegin()->first;
  }

  bool refine(std::size_t max_keys, std::int64_t at) {
    return index.refine(at, max_keys, [&](const key_range& range, const auto& show) {
      read += 1;
      for (auto k = history[at].lower_bound(range.begin); k != history[at].end(); ++k)
        if (!range.contains(*k) || !show(*k))
          break;
      return errc::none;
    });
  }

  void refine_all(std::size_t max_keys = 1000) {
    while (refine(max_keys, newest())) {
    }
  }

  static std::int64_t walk(const std::set<std::string>& keys, const key_range& range) {
    std::int64_t found = 0;
    for (const auto& k : keys)
      found += range.contains(k) ? 1 : 0;
    return found;
  }

  /// @returns how many keys had to be walked over.
  std::int64_t check(const key_range& range, std::int64_t at) {
    const auto& keys = history[at];
    const auto total = walk(keys, range);
    const auto part = index.count(range, at);
    if (!part)
      return total;
    const key_range inner{part->begin, part->end};
    EXPECT_GE(part->begin, range.begin);
    EXPECT_TRUE(!range.end || (part->end && *part->end <= *range.end));
    EXPECT_EQ(part->keys, walk(keys, inner)) << "at " << at;
    return total - part->keys;
  }

  count_index index;
  std::map<std::int64_t, std::set<std::string>> history;
  int read = 0;
};

TEST(count_index, an_empty_store_is_known_from_the_start) {
  world w{{}, 0};
  w.change("a");
  w.change("b");
  EXPECT_EQ(w.check(all, w.newest()), 0);
  EXPECT_FALSE(w.refine(100, w.newest()));
}

TEST(count_index, keys_found_at_opening_are_unknown_until_read) {
  world w{{.bucket_keys = 10}, 1000};
  EXPECT_EQ(w.check(all, 1), 1000);
  EXPECT_TRUE(w.refine(200, 1));
  EXPECT_EQ(w.check(all, 1), 800);
  w.refine_all(200);
  EXPECT_EQ(w.read, 5);
  EXPECT_EQ(w.check(all, 1), 0);
  EXPECT_LE(w.check({key(111), key(777)}, 1), 20);
}

TEST(count_index, a_count_walks_over_less_than_two_buckets) {
  world w{{.bucket_keys = 20}, 0};
  std::mt19937 random{1};
  std::vector<std::size_t> order(2000);
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (const auto n : order) {
    w.change(key(n));
    w.refine_all();
  }
  EXPECT_GE(w.index.buckets(), 2000u / 40);
  for (int i = 0; i < 200; ++i) {
    const auto a = random() % 2000;
    const auto b = a + random() % (2000 - a);
    EXPECT_LE(w.check({key(a), key(b)}, w.newest()), 2 * 2 * 20);
  }
}

TEST(count_index, older_revisions_are_counted_as_far_back_as_the_memory_reaches) {
  world w{{.bucket_keys = 4, .recent_bytes = 100'000}, 0};
  for (std::size_t i = 0; i < 4000; ++i) {
    w.change(key(i * 37 % 1000));
    if (i % 100 == 0)
      w.refine_all();
  }
  EXPECT_FALSE(w.index.count(all, 2));
  ASSERT_TRUE(w.index.count(all, w.newest() - 500));
  for (auto at = w.newest() - 500; at <= w.newest(); ++at)
    EXPECT_LE(w.check({key(100), key(900)}, at), 100);
}

TEST(count_index, emptied_buckets_go) {
  world w{{.bucket_keys = 10}, 0};
  for (std::size_t i = 0; i < 1000; ++i)
    w.change(key(i));
  w.refine_all();
  const auto full = w.index.buckets();
  for (std::size_t i = 0; i < 990; ++i) {
    w.change(key(i));
    w.refine_all();
  }
  EXPECT_LT(w.index.buckets(), full / 4);
  EXPECT_EQ(w.check(all, w.newest()), 0);
}

TEST(count_index, the_number_of_buckets_is_bounded) {
  world w{{.bucket_keys = 1, .max_buckets = 20}, 0};
  for (std::size_t i = 0; i < 1000; ++i) {
    w.change(key(i));
    w.refine_all();
  }
  EXPECT_LE(w.index.buckets(), 30u);
  EXPECT_EQ(w.check(all, w.newest()), 0);
}

TEST(count_index, keys_that_only_differ_far_behind_share_a_bucket) {
  world w{{.bucket_keys = 2}, 0};
  for (int i = 0; i < 20; ++i)
    w.change(std::string(5000, 'k') + std::to_string(i));
  w.change("a");
  w.refine_all();
  EXPECT_LE(w.index.buckets(), 3u);
  EXPECT_EQ(w.check(all, w.newest()), 0);
}

TEST(count_index, changes_while_refine_reads_are_not_lost) {
  world w{{.bucket_keys = 5}, 500};
  std::mt19937 random{7};
  for (bool more = true; more;) {
    const auto at = w.newest();
    for (int i = 0; i < 3; ++i)
      w.change(key(random() % 600));
    more = w.refine(20, at);
  }
  EXPECT_EQ(w.check(all, w.newest()), 0);
  for (int i = 0; i < 100; ++i)
    w.check({key(random() % 300), key(300 + random() % 300)}, w.newest());
}

} // namespace
} // namespace troupe::mvcc
