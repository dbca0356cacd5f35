#include "apps/troupe-lab/campaign.hpp"
#include "apps/troupe-lab/settings.hpp"

#include <gtest/gtest.h>

namespace troupe::lab {
namespace {

settings read(std::vector<std::string> arguments) {
  return read_settings(arguments);
}

std::string refusal(std::vector<std::string> arguments) {
  try {
    read_settings(arguments);
  } catch (const usage_error& error) {
    return error.what();
  }
  return {};
}

TEST(lab_settings, a_run_has_every_fault_unless_told_otherwise) {
  auto chosen = read({"run"});
  EXPECT_EQ(chosen.wanted, command::run);
  EXPECT_EQ(chosen.nodes, 3u);
  EXPECT_EQ(chosen.first_seed, 1u);
  EXPECT_EQ(chosen.last_seed, 100u);
  EXPECT_EQ(chosen.kinds, sim::all_fault_kinds());
  EXPECT_GE(chosen.jobs, 1u);
  EXPECT_TRUE(read({"run", "--faults", "none"}).kinds.empty());
  EXPECT_EQ(read({"run", "--faults", "cut,kill"}).kinds,
            (std::set{sim::fault_kind::cut, sim::fault_kind::kill}));
  EXPECT_EQ(read({"run", "--bug", "skip_sync"}).bug, sim::planted_bug::skip_sync);
}

TEST(lab_settings, seeds_are_a_range_or_one) {
  EXPECT_EQ(read({"run", "--seeds", "5-9"}).last_seed, 9u);
  EXPECT_EQ(read({"run", "--seeds", "7"}).first_seed, 7u);
  EXPECT_EQ(read({"run", "--seeds", "7"}).last_seed, 7u);
  for (const char* wrong : {"9-5", "x", "1-", "-3", ""})
    EXPECT_NE(refusal({"run", "--seeds", wrong}), "") << wrong;
}

TEST(lab_settings, what_is_wrong_is_told_with_what_would_be_right) {
  EXPECT_EQ(refusal({"runn"}), "unknown command 'runn'; did you mean 'run'?");
  EXPECT_EQ(refusal({"--nodes", "3"}),
            "the command comes before its flags, as in 'troupe-lab run --nodes ...'");
  EXPECT_EQ(refusal({"run", "--node", "3"}), "unknown flag --node; did you mean --nodes?");
  EXPECT_EQ(refusal({"run", "--nodes", "ten"}),
            "--nodes must be a whole number from 1 to 9, not 'ten'");
  EXPECT_EQ(refusal({"run", "--nodes"}), "--nodes needs a value");
  EXPECT_EQ(refusal({"run", "--bug", "typo"}).substr(0, 23), "no bug is called 'typo'");
  EXPECT_EQ(refusal({"run", "--faults", "rain"}).substr(0, 25), "no fault is called 'rain'");
  EXPECT_EQ(refusal({"run", "--script", "/nowhere/at/all"}),
            "--script: /nowhere/at/all cannot be read");
  EXPECT_EQ(refusal({"bugs", "all"}), "'troupe-lab bugs' takes no flags, not 'all'");
}

TEST(lab_settings, help_has_examples) {
  EXPECT_NE(read({}).help_text.find("troupe-lab run --nodes 3 --seeds 1-2000"), std::string::npos);
  EXPECT_NE(read({"run", "--help"}).help_text.find("--timeline"), std::string::npos);
}

TEST(lab_campaign, goes_through_all_seeds_and_sums_up) {
  settings chosen{.first_seed = 3, .last_seed = 6, .jobs = 2, .span = std::chrono::seconds{3}};
  std::uint64_t last = 0;
  auto done = run_all(chosen, [&](std::uint64_t count, std::uint64_t total) {
    EXPECT_EQ(count, last + 1);
    EXPECT_EQ(total, 4u);
    last = count;
  });
  EXPECT_EQ(done.runs, 4u);
  EXPECT_TRUE(done.findings.empty());
  EXPECT_EQ(done.shown_seed, 6u);
  EXPECT_NE(summary(chosen, done).find("4 runs of 3 nodes, 0 of them failed"), std::string::npos);
}

TEST(lab_campaign, stops_at_the_first_that_fails_and_shows_it) {
  settings chosen{
    .first_seed = 1, .last_seed = 50, .jobs = 1, .bug = sim::planted_bug::ack_before_durable};
  auto done = run_all(chosen, nullptr);
  ASSERT_EQ(done.findings.size(), 1u);
  EXPECT_LT(done.runs, 50u);
  auto text = summary(chosen, done);
  EXPECT_NE(text.find("not on its disk"), std::string::npos) << text;
  EXPECT_NE(text.find("last steps:"), std::string::npos);
}

TEST(lab_progress, says_how_far_and_how_fast) {
  EXPECT_EQ(progress_line(50, 100, 10), "[###############               ]  50 %  50 of 100  5.0/s");
}

} // namespace
} // namespace troupe::lab
