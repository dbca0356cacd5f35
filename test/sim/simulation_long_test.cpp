#include "actors/log/log.hpp"
#include "actors/sim/simulation.hpp"

#include <gtest/gtest.h>

namespace troupe::sim {
namespace {

class long_simulation : public ::testing::TestWithParam<unsigned> {};

/// Seeds that the default run does not take.
TEST_P(long_simulation, keeps_every_promise) {
  log::configure({.least = log::level::fatal});
  for (std::uint64_t seed = 1'000; seed < 2'000; ++seed) {
    auto report = simulate({.nodes = GetParam(), .seed = seed});
    ASSERT_EQ(report.failure, "") << "troupe-lab run --nodes " << GetParam() << " --seeds " << seed
                                  << "\n"
                                  << print(report.faults);
  }
}

INSTANTIATE_TEST_SUITE_P(clusters, long_simulation, ::testing::Values(1, 3, 5));

} // namespace
} // namespace troupe::sim
