#include "test/actors/raft/dialogue.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

namespace troupe::raft {

namespace {

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> result;
  for (const auto& file : std::filesystem::directory_iterator{RAFT_SCRIPTS})
    if (file.path().extension() == ".txt")
      result.push_back(file.path());
  std::sort(result.begin(), result.end());
  return result;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class dialogue_script : public ::testing::TestWithParam<std::filesystem::path> {};

/// With TROUPE_REWRITE_SCRIPTS set, records what happens now instead of comparing.
TEST_P(dialogue_script, says_what_is_recorded) {
  const auto recorded = read(GetParam());
  const auto now = play_dialogue(recorded);
  if (std::getenv("TROUPE_REWRITE_SCRIPTS") != nullptr)
    std::ofstream{GetParam()} << now;
  else
    EXPECT_EQ(now, recorded);
}

INSTANTIATE_TEST_SUITE_P(raft, dialogue_script, ::testing::ValuesIn(scripts()),
                         [](const auto& info) { return info.param.stem().string(); });

TEST(dialogue, an_unknown_command_is_an_error) {
  EXPECT_EQ(play_dialogue("cluster 1\nfly 1\n----\n"),
            "cluster 1\nfly 1\n----\nerror: unknown command: fly\n");
}

} // namespace

} // namespace troupe::raft
