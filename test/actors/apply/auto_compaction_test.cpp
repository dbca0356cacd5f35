#include "actors/apply/auto_compaction.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

using namespace std::chrono_literals;
using mode = auto_compaction_policy::mode;

time_point at(std::chrono::nanoseconds t) {
  return time_point{t};
}

using targets = std::vector<std::pair<std::chrono::minutes, std::int64_t>>;

/// Runs `minutes` ticks, one a minute, with the revision equal to the minute; returns what was
/// asked for and when.
targets run(auto_compaction& policy, int minutes, bool leads = true) {
  targets result;
  for (std::chrono::minutes now{0}; now <= std::chrono::minutes{minutes}; ++now)
    if (auto target = policy.on_tick(at(now), now.count(), leads))
      result.emplace_back(now, *target);
  return result;
}

TEST(auto_compaction, off_asks_for_nothing) {
  auto_compaction off{{}, at(0min)};
  EXPECT_TRUE(run(off, 10000).empty());
}

TEST(auto_compaction, revision_mode_keeps_the_last_revisions) {
  auto_compaction policy{{.kind = mode::revision, .retention_revisions = 7}, at(0min)};
  EXPECT_EQ(run(policy, 21), (targets{{10min, 3}, {15min, 8}, {20min, 13}}));
}

TEST(auto_compaction, short_period_compacts_each_period_to_the_revision_one_period_ago) {
  auto_compaction policy{{.kind = mode::periodic, .retention_period = 10min}, at(0min)};
  EXPECT_EQ(run(policy, 41), (targets{{20min, 10}, {30min, 20}, {40min, 30}}));
}

TEST(auto_compaction, long_period_compacts_each_hour) {
  auto_compaction policy{{.kind = mode::periodic, .retention_period = 180min}, at(0min)};
  EXPECT_EQ(run(policy, 361), (targets{{240min, 60}, {300min, 120}, {360min, 180}}));
}

TEST(auto_compaction, nothing_new_is_not_compacted_again) {
  auto_compaction policy{{.kind = mode::periodic, .retention_period = 10min}, at(0min)};
  int asked = 0;
  for (auto now = 0min; now <= 100min; ++now)
    asked += policy.on_tick(at(now), 5, true).has_value();
  EXPECT_EQ(asked, 1);
}

TEST(auto_compaction, only_the_leader_compacts) {
  auto_compaction policy{{.kind = mode::revision, .retention_revisions = 1}, at(0min)};
  EXPECT_TRUE(run(policy, 60, false).empty());
}

} // namespace
} // namespace troupe::apply
