#include "actors/service/key_cover.hpp"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace troupe::service {
namespace {

struct deletion {
  std::string begin;
  std::optional<std::string> end;

  bool covers(const std::string& key) const {
    return key >= begin && (!end || key < *end);
  }
};

/// Deletes that overlap, touch, contain each other and are empty; two-letter bounds of 4 letters.
std::vector<deletion> some_deletes(std::mt19937& random) {
  auto bound = [&random] {
    return std::string{char('a' + random() % 4), char('a' + random() % 4)};
  };
  std::vector<deletion> deletes(random() % 6);
  for (auto& one : deletes) {
    one.begin = bound();
    if (random() % 8 != 0)
      one.end = bound();
  }
  return deletes;
}

key_cover cover_of(const std::vector<deletion>& deletes) {
  key_cover cover;
  for (const auto& one : deletes)
    cover.add_range(one.begin, one.end ? std::optional<std::string_view>{*one.end} : std::nullopt);
  return cover;
}

TEST(key_cover, agrees_with_asking_every_delete) {
  std::mt19937 random{20};
  for (int round = 0; round < 2000; ++round) {
    auto first = some_deletes(random);
    auto second = some_deletes(random);
    auto cover = cover_of(first);
    cover.merge(cover_of(second));
    std::vector<std::string> candidates;
    for (char a = 'a'; a < 'f'; ++a) {
      for (char b = 'a'; b < 'f'; ++b)
        candidates.push_back({a, b});
    }
    for (const auto& key : candidates) {
      auto covers = [&key](const auto& one) { return one.covers(key); };
      bool expected = std::any_of(first.begin(), first.end(), covers)
                      || std::any_of(second.begin(), second.end(), covers);
      ASSERT_EQ(cover.contains(key), expected) << "round " << round << " key " << key;
      ASSERT_EQ(cover.meets({key}), expected) << "round " << round << " key " << key;
    }
    // More questions than ranges: the other way of asking.
    std::set<std::string_view> all{candidates.begin(), candidates.end()};
    auto covered = [&cover](const auto& key) { return cover.contains(key); };
    ASSERT_EQ(cover.meets(all), std::any_of(candidates.begin(), candidates.end(), covered))
      << "round " << round;
  }
}

TEST(key_cover, single_keys_cover_themselves_only) {
  key_cover cover;
  cover.add("b");
  cover.add("b");
  EXPECT_TRUE(cover.contains("b"));
  EXPECT_FALSE(cover.contains("ba"));
  EXPECT_FALSE(cover.contains("a"));
  EXPECT_TRUE(cover.meets({"a", "b", "c"}));
  EXPECT_FALSE(cover.meets({"a", "c"}));
  EXPECT_EQ(cover.size(), 1u);
}

} // namespace
} // namespace troupe::service
