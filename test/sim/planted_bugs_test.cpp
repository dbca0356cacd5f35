#include "actors/log/log.hpp"
#include "actors/sim/planted_bugs.hpp"
#include "actors/sim/simulation.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

class planted : public ::testing::TestWithParam<bug_entry> {};

/// The checkers bite: whoever changes them so that a bug passes hears of it here.
TEST_P(planted, is_found) {
  log::configure({.least = log::level::fatal});
  constexpr std::uint64_t most_seeds = 2'000;
  for (std::uint64_t seed = 1; seed <= most_seeds; ++seed) {
    auto report = simulate({.nodes = 3, .seed = seed, .span = 8s, .bug = GetParam().bug});
    if (report.failure.empty())
      continue;
    std::cout << GetParam().name << ": seed " << seed << ": " << report.failure << "\n";
    RecordProperty("seeds", static_cast<int>(seed));
    return;
  }
  FAIL() << GetParam().name << " is not found within " << most_seeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(bugs, planted, ::testing::ValuesIn(planted_bugs()),
                         [](const auto& info) { return std::string{info.param.name}; });

TEST(planted_bugs, are_found_by_their_names) {
  for (const auto& each : planted_bugs())
    EXPECT_EQ(parse_planted_bug(each.name), each.bug);
  EXPECT_THROW(parse_planted_bug("none such"), unknown_bug);
}

/// What is left of a script by shrinking still shows the bug.
TEST(planted_bugs, shrink_to_the_faults_they_need) {
  log::configure({.least = log::level::fatal});
  simulation_plan plan{.nodes = 3, .span = 8s, .bug = planted_bug::forget_boot};
  std::optional<simulation_report> failed;
  for (plan.seed = 1; !failed; ++plan.seed) {
    ASSERT_LE(plan.seed, 100u);
    auto report = simulate(plan);
    if (!report.failure.empty() && report.faults.size() > 2)
      failed = std::move(report);
  }
  --plan.seed;
  auto few = shrink(plan, failed->faults, nullptr);
  EXPECT_LT(few.size(), failed->faults.size());
  plan.faults = few;
  EXPECT_NE(simulate(plan).failure, "");
}

} // namespace
} // namespace troupe::sim
