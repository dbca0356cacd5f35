#include "actors/node/data_directory.hpp"
#include "actors/node/installation.hpp"
#include "actors/node/opened_data.hpp"
#include "actors/sim/simulated_disk.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {
namespace {

constexpr data_identity ours{{11}, {7}};
constexpr entry_id at{{4}, {1000}};
constexpr hard_state promised{.term = {5}, .voted_for = {3}, .boot = {2}, .commit = {9}};
const std::string root = "/data";

/// A store that is one file.
class one_file_states final : public storage::state_files {
public:
  explicit one_file_states(sim::simulated_disk& disk) : disk_(disk) {}

  std::vector<snapshot_file> list(const std::string&) override {
    throw std::logic_error{"not asked for"};
  }

  std::string read(const std::string&, const std::string&, std::uint64_t, std::uint32_t) override {
    throw std::logic_error{"not asked for"};
  }

  void remove(const std::string&) override {
    throw std::logic_error{"not asked for"};
  }

  void install(const std::string& incoming, const std::string& directory) override {
    if (disk_.list(incoming).empty())
      return;
    // What is renamed stays in its directory here.
    const auto state = directory + "/content";
    const auto names = disk_.list(directory);
    if (std::ranges::find(names, "content") != names.end())
      disk_.remove(state);
    const std::string_view content = "new";
    disk_.open(state, storage::open_mode::create)
      ->write_durable(0, std::as_bytes(std::span{content}));
    disk_.sync_directory(directory);
    disk_.remove(incoming + "/content");
    disk_.sync_directory(incoming);
  }

private:
  sim::simulated_disk& disk_;
};

struct member_on_disk {
  explicit member_on_disk(std::uint64_t seed) : disk(seed) {
    data_directory directory{disk, root};
    directory.found(ours);
    auto log = storage::raft_log::open(disk, directory.log_path(), log_options(config, ours)).log;
    entry first{.id = {{1}, {1}}, .origin = {}, .payload = blob{"x"}};
    log->append(promised, std::vector{first});
    disk.make_directory(directory.state_path());
    disk.set_contents(directory.state_path() + "/content", "old");
    disk.make_directory(changes().incoming_path());
    disk.set_contents(changes().incoming_path() + "/content", "new");
  }

  installation changes() {
    return {disk, root};
  }

  void complete() {
    one_file_states states{disk};
    changes().complete(config, states);
  }

  std::string state() {
    return disk.contents(root + "/state/content");
  }

  storage::recovered_log log() {
    return storage::raft_log::open(disk, root + "/log", log_options(config, ours));
  }

  node_config config;
  sim::simulated_disk disk;
};

template <class Operation>
bool succeeds(Operation operation) {
  try {
    operation();
    return true;
  } catch (const storage::storage_error&) {
    return false;
  }
}

TEST(installation, nothing_happens_before_it_is_decided) {
  member_on_disk member{1};
  member.complete();
  EXPECT_EQ(member.state(), "old");
  EXPECT_EQ(member.log().entries.size(), 1u);
}

TEST(installation, state_and_log_change_together_and_the_vote_stays) {
  member_on_disk member{1};
  member.changes().decide(at);
  EXPECT_EQ(member.changes().decided(), at);
  member.complete();
  EXPECT_FALSE(member.changes().decided());
  EXPECT_EQ(member.state(), "new");
  auto log = member.log();
  EXPECT_EQ(log.before_first, at);
  EXPECT_TRUE(log.entries.empty());
  EXPECT_EQ(log.state, promised);
}

TEST(installation, a_damaged_decision_is_refused) {
  member_on_disk member{1};
  member.changes().decide(at);
  for (std::uint64_t offset = 0; offset < 20; ++offset) {
    member.disk.corrupt(root + "/installation", offset, 1);
    EXPECT_FALSE(succeeds([&] { member.changes().decided(); }));
    member.disk.corrupt(root + "/installation", offset, 1);
  }
  EXPECT_EQ(member.changes().decided(), at);
}

/// Whatever call fails, and whatever a power cut then leaves: the next start has all of the old or
/// all of the new, and what was decided comes about.
TEST(installation, is_all_or_nothing_over_any_crash) {
  int changed = 0;
  int kept = 0;
  for (std::uint64_t calls = 0; calls < 60; ++calls)
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
      member_on_disk member{seed};
      member.disk.fail_after(calls);
      const bool decided = succeeds([&] { member.changes().decide(at); });
      const bool complete = decided && succeeds([&] { member.complete(); });
      member.disk.fail_after(std::nullopt);
      member.disk.crash();
      member.complete();
      auto log = member.log();
      EXPECT_EQ(log.state, promised);
      if (member.state() == "new") {
        EXPECT_EQ(log.before_first, at);
        EXPECT_TRUE(log.entries.empty());
        ++changed;
      } else {
        EXPECT_FALSE(decided || complete) << "what was decided is done";
        EXPECT_EQ(log.before_first, entry_id{});
        EXPECT_EQ(log.entries.size(), 1u);
        ++kept;
      }
    }
  EXPECT_GT(changed, 0);
  EXPECT_GT(kept, 0);
}

} // namespace
} // namespace troupe
