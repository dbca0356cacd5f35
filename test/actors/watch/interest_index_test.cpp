#include "actors/watch/hub_members.hpp"
#include "actors/watch/interest_index.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace troupe::watch {
namespace {

using kind = mvcc::event::type;

std::vector<group_id> found(const interest_index& index, std::string_view key,
                            kind what = kind::put) {
  std::vector<group_id> groups;
  index.find(key, what, groups);
  std::sort(groups.begin(), groups.end());
  return groups;
}

watch_interest interest_in(std::string_view key, std::string_view end = {}) {
  return {.keys = mvcc::key_range::of(key, end)};
}

TEST(interest_index, the_same_interest_is_one_group) {
  interest_index index;
  const auto a = index.group_of(interest_in("a"));
  EXPECT_EQ(index.group_of(interest_in("a")), a);
  const auto range = index.group_of(interest_in("a", "b"));
  EXPECT_NE(range, a);
  EXPECT_EQ(index.group_of(interest_in("a", "b")), range);
  auto with_previous = interest_in("a");
  with_previous.previous = true;
  const auto other = index.group_of(with_previous);
  EXPECT_NE(other, a);
  EXPECT_TRUE(index.wants_previous(other));
  EXPECT_FALSE(index.wants_previous(a));
  EXPECT_EQ(index.size(), 3u);
  EXPECT_EQ(found(index, "a").size(), 3u);
  EXPECT_EQ(found(index, "aa"), std::vector{range});
  EXPECT_TRUE(found(index, "b").empty());
}

TEST(interest_index, filters) {
  interest_index index;
  auto puts = interest_in("a", "b");
  puts.deletions = false;
  auto deletions = interest_in("a");
  deletions.puts = false;
  const auto of_puts = index.group_of(puts);
  const auto of_deletions = index.group_of(deletions);
  EXPECT_EQ(found(index, "a", kind::put), std::vector{of_puts});
  EXPECT_EQ(found(index, "a", kind::deletion), std::vector{of_deletions});
}

TEST(interest_index, an_empty_range_is_never_concerned) {
  interest_index index;
  const auto empty = index.group_of(interest_in("b", "a"));
  EXPECT_TRUE(found(index, "a").empty());
  EXPECT_TRUE(found(index, "b").empty());
  EXPECT_TRUE(found(index, std::string(1, '\0')).empty());
  index.forget(empty);
  EXPECT_EQ(index.size(), 0u);
}

/// Keys of few letters, so that they meet.
std::string some_key(std::mt19937_64& random) {
  std::string key(1 + random() % 4, 'a');
  for (auto& letter : key)
    letter = static_cast<char>('a' + random() % 3);
  if (random() % 8 == 0)
    key.push_back('\0');
  return key;
}

watch_interest some_interest(std::mt19937_64& random) {
  watch_interest result;
  const auto key = some_key(random);
  switch (random() % 4) {
  case 0:
    result = interest_in(key);
    break;
  case 1:
    result = interest_in(key, std::string(1, '\0'));
    break;
  default:
    result = interest_in(key, some_key(random));
  }
  result.puts = random() % 4 != 0;
  result.deletions = random() % 4 != 0;
  result.previous = random() % 4 == 0;
  return result;
}

bool concerns(const watch_interest& interest, std::string_view key, kind what) {
  return interest.keys.contains(key) && !interest.keys.empty()
         && (what == kind::put ? interest.puts : interest.deletions);
}

TEST(interest_index, finds_what_a_list_of_all_interests_finds) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random{seed};
    interest_index index;
    std::map<group_id, watch_interest> model;
    for (int step = 0; step < 1500; ++step) {
      if (random() % 5 < (step < 700 ? 3U : 2U)) {
        const auto wanted = some_interest(random);
        const auto group = index.group_of(wanted);
        const auto [entry, is_new] = model.try_emplace(group, wanted);
        // All empty ranges are the same to it.
        if (!wanted.keys.empty()) {
          ASSERT_EQ(entry->second, wanted) << "seed " << seed;
        }
      } else if (!model.empty()) {
        const auto gone = std::next(model.begin(), static_cast<long>(random() % model.size()));
        index.forget(gone->first);
        model.erase(gone);
      }
      ASSERT_EQ(index.size(), model.size());
      const auto key = some_key(random);
      const auto what = random() % 2 == 0 ? kind::put : kind::deletion;
      std::vector<group_id> expected;
      for (const auto& [group, wanted] : model)
        if (concerns(wanted, key, what))
          expected.push_back(group);
      ASSERT_EQ(found(index, key, what), expected) << "seed " << seed << " step " << step;
    }
  }
}

struct numbered {
  std::uint64_t number = 0;

  std::uint64_t id() const {
    return number;
  }
};

TEST(hub_members, a_walk_meets_everybody_once_who_was_there_and_stays) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random{seed};
    hub_members<numbered> members;
    std::set<std::uint64_t> present;
    std::uint64_t next = 0;
    auto add = [&](group_id group) {
      members.add({++next}, group, 0);
      return next;
    };
    for (int i = 0; i < 60; ++i)
      present.insert(add(3));
    auto due = present;
    members.walk(3);
    while (!members.met_all()) {
      members.meet(1 + random() % 5, 1, [&](const numbered& who) {
        EXPECT_EQ(due.erase(who.number), 1u) << "seed " << seed;
      });
      for (int i = 0; i < 4; ++i) {
        const auto gone = 1 + random() % next;
        if (members.remove(gone).has_value()) {
          EXPECT_EQ(present.erase(gone) + (gone > 60 ? 1 : 0), 1u);
        }
        due.erase(gone);
      }
      add(random() % 2 == 0 ? 3 : 0);
    }
    EXPECT_TRUE(due.empty()) << "seed " << seed;
  }
}

TEST(hub_members, passes_over_whoever_came_after_the_change) {
  hub_members<numbered> members;
  members.add({1}, 0, 5);
  members.add({2}, 0, 7);
  std::vector<std::uint64_t> met;
  members.walk(0);
  EXPECT_EQ(members.meet(10, 7, [&](const numbered& who) { met.push_back(who.number); }), 1u);
  EXPECT_EQ(met, std::vector<std::uint64_t>{1});
  EXPECT_TRUE(members.met_all());
}

TEST(hub_members, a_group_of_many_loses_members_one_by_one) {
  hub_members<numbered> members;
  for (std::uint64_t i = 1; i <= 100'000; ++i)
    members.add({i}, 0, 0);
  for (std::uint64_t i = 1; i <= 100'000; ++i)
    ASSERT_EQ(members.remove(i), std::optional<group_id>{0});
  EXPECT_TRUE(members.empty(0));
  EXPECT_EQ(members.size(), 0u);
  EXPECT_FALSE(members.remove(1).has_value());
}

} // namespace
} // namespace troupe::watch
