#include "actors/log/log.hpp"
#include "actors/sim/simulation.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

class simulation : public ::testing::Test {
protected:
  simulation() {
    log::configure({.least = log::level::fatal});
  }

  /// Runs seeds until one fails.
  void run_seeds(unsigned nodes, std::uint64_t first, std::uint64_t last) {
    for (auto seed = first; seed <= last; ++seed) {
      auto report = simulate({.nodes = nodes, .seed = seed, .span = 8s});
      ASSERT_EQ(report.failure, "")
        << "troupe-lab run --seconds 8 --nodes " << nodes << " --seeds " << seed << "\n"
        << print(report.faults);
      elections += report.elections;
      restarts += report.restarts - nodes;
      overwritten += report.overwritten;
      writes += report.writes;
      reads += report.reads;
      watch_events += report.watch_events;
    }
  }

  std::uint64_t elections = 0;
  std::uint64_t restarts = 0;
  std::uint64_t overwritten = 0;
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;
  std::uint64_t watch_events = 0;
};

TEST_F(simulation, three_members_keep_every_promise) {
  run_seeds(3, 1, 100);
  // A storm that never blows shows nothing.
  EXPECT_GT(elections, 100u);
  EXPECT_GT(restarts, 100u);
  EXPECT_GT(overwritten, 0u);
  EXPECT_GT(writes, 10'000u);
  EXPECT_GT(reads, 5'000u);
  EXPECT_GT(watch_events, 10'000u);
}

TEST_F(simulation, five_members_keep_every_promise) {
  run_seeds(5, 1, 21);
  EXPECT_GT(elections, 15u);
  EXPECT_GT(restarts, 15u);
}

/// A leader whose own disk is stalled applies nothing while the others commit: to whoever asks it
/// about a lease that was granted meanwhile it says that there is none. It has to apply what is
/// committed before it says so.
TEST_F(simulation, DISABLED_a_leader_that_lags_behind_its_commits_knows_every_lease) {
  run_seeds(5, 22, 22);
}

TEST_F(simulation, one_member_keeps_every_promise) {
  run_seeds(1, 1, 20);
  EXPECT_GT(restarts, 10u);
}

TEST_F(simulation, a_cluster_without_faults_answers_everybody) {
  auto report = simulate({.nodes = 3, .seed = 1, .span = 3s, .faults = fault_script{}});
  EXPECT_EQ(report.failure, "");
  EXPECT_EQ(report.restarts, 3u);
  EXPECT_EQ(report.elections, 1u);
  EXPECT_GT(report.writes, 50u);
}

TEST_F(simulation, the_same_seed_gives_the_same_bytes) {
  auto trace_of = [](std::uint64_t seed) {
    std::ostringstream trace;
    simulate({.nodes = 3, .seed = seed, .span = 5s, .trace = &trace});
    return trace.str();
  };
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto trace = trace_of(seed);
    EXPECT_GT(trace.size(), 10'000u);
    EXPECT_EQ(trace, trace_of(seed)) << "seed " << seed;
  }
  EXPECT_NE(trace_of(1), trace_of(2));
}

} // namespace
} // namespace troupe::sim
