/// libunsynced.so under programs that know what they wrote. Each test runs one scenario of
/// scenarios.cpp in a process of its own with the library loaded, cuts its power and looks at what
/// is left.
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

namespace fs = std::filesystem;

using environment = std::map<std::string, std::string>;

std::optional<std::string> content_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in)
    return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class preload : public testing::Test {
protected:
  preload() {
    std::string pattern = fs::temp_directory_path() / "unsynced-XXXXXX";
    work_ = mkdtemp(pattern.data());
    fs::create_directory(root());
  }

  ~preload() override {
    fs::remove_all(work_);
  }

  fs::path root() const {
    return work_ / "data";
  }

  /// Runs a scenario to its end. @returns the wait status.
  int run(const std::string& scenario, environment variables) {
    variables.emplace("UNSYNCED_ROOT", root());
    variables.emplace("UNSYNCED_REPORT", work_ / "report");
    variables.emplace("LD_PRELOAD", UNSYNCED_LIBRARY);
    const pid_t child = fork();
    if (child == 0) {
      for (const auto& [name, value] : variables)
        setenv(name.c_str(), value.c_str(), 1);
      execl(SCENARIOS_PROGRAM, SCENARIOS_PROGRAM, scenario.c_str(), root().c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }

  /// As run(), for a scenario whose power is cut: it ends by SIGKILL, leaves a report and no
  /// directory beside the root.
  void cut(const std::string& scenario, const environment& variables) {
    const int status = run(scenario, variables);
    ASSERT_TRUE(WIFSIGNALED(status)) << "status " << status;
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_TRUE(content_of(work_ / "report"));
    EXPECT_FALSE(fs::exists(work_ / "data.unsynced"));
  }

  void write_before(const std::string& name, const std::string& content) {
    std::ofstream{root() / name, std::ios::binary} << content;
  }

  std::optional<std::string> left(const std::string& name) const {
    return content_of(root() / name);
  }

private:
  fs::path work_;
};

const environment all_lost{{"UNSYNCED_KEEP", "0"}};
const environment all_kept{{"UNSYNCED_KEEP", "100"}};

TEST_F(preload, UnsyncedWritesVanishAndSyncedOnesStay) {
  cut("append", all_lost);
  EXPECT_EQ(left("log"), "synced;");
}

TEST_F(preload, EverythingMaySurvive) {
  cut("append", all_kept);
  EXPECT_EQ(left("log"), "synced;lost;");
}

TEST_F(preload, WithoutARootNothingIsWatched) {
  const int status = run("append", {{"UNSYNCED_ROOT", ""}});
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
  EXPECT_EQ(left("log"), "synced;lost;");
}

TEST_F(preload, AnOverwriteReturnsToTheOldBytes) {
  write_before("file", std::string(10000, 'o'));
  cut("overwrite", all_lost);
  EXPECT_EQ(left("file"), std::string(10000, 'o'));
}

TEST_F(preload, AnOverwriteTearsAtSectors) {
  write_before("file", std::string(64 * 1024, 'o'));
  cut("overwrite_all", {{"UNSYNCED_KEEP", "50"}, {"UNSYNCED_SEED", "3"}});
  const auto content = left("file").value();
  ASSERT_EQ(content.size(), 64 * 1024u);
  int kept = 0;
  for (size_t at = 0; at < content.size(); at += 512) {
    const auto sector = content.substr(at, 512);
    EXPECT_TRUE(sector == std::string(512, 'o') || sector == std::string(512, 'n'))
      << "within sector at " << at;
    kept += sector[0] == 'n';
  }
  EXPECT_GT(kept, 30);
  EXPECT_LT(kept, 98);
}

TEST_F(preload, TheSameSeedTearsTheSame) {
  const environment torn{{"UNSYNCED_KEEP", "50"}, {"UNSYNCED_SEED", "3"}};
  write_before("file", std::string(64 * 1024, 'o'));
  cut("overwrite_all", torn);
  const auto first = left("file");
  write_before("file", std::string(64 * 1024, 'o'));
  cut("overwrite_all", torn);
  EXPECT_EQ(left("file"), first);
}

TEST_F(preload, InOrderedModeAnAppendKeepsAWholeBeginning) {
  const std::string old(700, 'o'), all = old + std::string(20000, 'n');
  std::set<size_t> sizes;
  for (int seed = 1; seed <= 20; ++seed) {
    write_before("file", old);
    cut("append_much", {{"UNSYNCED_SEED", std::to_string(seed)}, {"UNSYNCED_ORDERED", "1"}});
    const auto content = left("file").value();
    EXPECT_GE(content.size(), old.size());
    EXPECT_EQ(content, all.substr(0, content.size())) << "seed " << seed;
    sizes.insert(content.size());
  }
  EXPECT_GT(sizes.size(), 2u) << "neither all nor nothing";
}

TEST_F(preload, ATruncationIsUndone) {
  write_before("file", std::string(10000, 'o'));
  cut("truncate", all_lost);
  EXPECT_EQ(left("file"), std::string(10000, 'o'));
}

TEST_F(preload, OpeningWithTruncationIsUndone) {
  write_before("file", "precious");
  cut("open_truncating", all_lost);
  EXPECT_EQ(left("file"), "precious");
}

TEST_F(preload, SpaceAheadIsLostWithItsSize) {
  cut("allocate", all_lost);
  EXPECT_EQ(left("file"), "");
}

TEST_F(preload, SelfSyncingWritesStayWhateverTheOffset) {
  cut("self_syncing", all_lost);
  const auto content = left("file").value();
  ASSERT_EQ(content.size(), 20000u);
  EXPECT_EQ(content.substr(0, 9000), std::string(9000, '\0')) << "never synced";
  EXPECT_EQ(content.substr(9000, 1000), std::string(1000, 's'));
  EXPECT_EQ(content.substr(10000, 9000), std::string(9000, '\0'));
  EXPECT_EQ(content.substr(19000), std::string(1000, 's'));
}

TEST_F(preload, DirectWritesAreWatched) {
  cut("direct", all_lost);
  EXPECT_EQ(left("file"), std::string(4096, 's'));
}

TEST_F(preload, VectoredWritesAreWatched) {
  cut("vectored", all_lost);
  EXPECT_EQ(left("file"), "abcd");
}

TEST_F(preload, StdioAppendsAreWatched) {
  cut("stdio", all_lost);
  EXPECT_EQ(left("file"), "synced\n");
}

TEST_F(preload, ACopiedDescriptorIsWatched) {
  cut("copied_descriptor", all_lost);
  EXPECT_EQ(left("log"), "synced;");
}

TEST_F(preload, AFileWithoutItsDirectorysSyncVanishes) {
  cut("new_file", all_lost);
  EXPECT_FALSE(left("with_directory_unsynced"));
  EXPECT_EQ(left("with_directory_synced"), "x");
}

TEST_F(preload, ARenameIsUndoneAsOne) {
  write_before("CURRENT", "old");
  for (int seed = 1; seed <= 20; ++seed) {
    cut("rename", {{"UNSYNCED_SEED", std::to_string(seed)}});
    EXPECT_TRUE(left("CURRENT") == "old" || left("CURRENT") == "new") << "seed " << seed;
    if (left("CURRENT") == "new") {
      EXPECT_FALSE(left("CURRENT.tmp")) << "one name of the rename came back, seed " << seed;
    }
    write_before("CURRENT", "old");
  }
}

TEST_F(preload, ASyncedRenameStays) {
  write_before("CURRENT", "old");
  cut("rename_synced", all_lost);
  EXPECT_EQ(left("CURRENT"), "new");
}

TEST_F(preload, AnUnlinkedFileComesBack) {
  write_before("file", "precious");
  cut("unlink", all_lost);
  EXPECT_EQ(left("file"), "precious");
}

TEST_F(preload, ANewDirectoryVanishesWithItsContent) {
  cut("new_directory", all_lost);
  EXPECT_THAT(fs::exists(root() / "unsynced"), false);
  EXPECT_EQ(left("synced/file"), "x");
}

TEST_F(preload, ARenamedDirectoryGoesBack) {
  fs::create_directory(root() / "old");
  write_before("old/file", "x");
  cut("rename_directory", all_lost);
  EXPECT_EQ(left("old/file"), "x");
  EXPECT_FALSE(fs::exists(root() / "new"));
}

TEST_F(preload, ARemovedDirectoryComesBackWithItsFiles) {
  fs::create_directory(root() / "old");
  write_before("old/file", "x");
  cut("remove_directory", all_lost);
  EXPECT_EQ(left("old/file"), "x");
}

TEST_F(preload, TheSecondSyncFailsAndTheThirdLies) {
  cut("failed_sync", {{"UNSYNCED_KEEP", "0"}, {"UNSYNCED_FAIL", "fdatasync:2:EIO"}});
  EXPECT_EQ(left("log"), "one" + std::string(3, '\0') + "three")
    << "'two' was in the sync that failed";
}

TEST_F(preload, EveryCallFromTheNthOnFails) {
  const int status = run("full_disk", {{"UNSYNCED_FAIL", "write:3+:ENOSPC"}});
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(left("file"), "12");
}

TEST_F(preload, AWriteMayBeShort) {
  const int status = run("short_write", {{"UNSYNCED_FAIL", "write:1:SHORT"}});
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(preload, ThePowerMayBeCutAtACall) {
  cut("append", {{"UNSYNCED_KEEP", "0"}, {"UNSYNCED_FAIL", "fdatasync:1:CUT"}});
  EXPECT_FALSE(left("log")) << "its directory was synced later";
}

TEST_F(preload, CallsAreDelayed) {
  const int status = run("delayed", {{"UNSYNCED_DELAY", "fsync:50000"}});
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(preload, IgnoredSyncsSaveNothing) {
  cut("append", {{"UNSYNCED_KEEP", "0"}, {"UNSYNCED_IGNORE_SYNC", "1"}});
  EXPECT_FALSE(left("log"));
}

TEST_F(preload, SharedWritableMappingsAreRefused) {
  const int status = run("mapping", {});
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(preload, NonsenseIsRefused) {
  for (const auto& bad : {"fsync", "fsync:0:EIO", "nap:1:EIO", "fsync:1:EWHAT", "fsync:1:SHORT"}) {
    const int status = run("append", {{"UNSYNCED_FAIL", bad}});
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << bad;
  }
}

/// Four threads append records to files of their own and print the number of each one that is
/// synced; a cut in between.
TEST_F(preload, WritersOnManyThreadsKeepWhatTheySynced) {
  std::set<std::string> outcomes;
  for (int seed = 1; seed <= 10; ++seed) {
    cut("threads",
        {{"UNSYNCED_SEED", std::to_string(seed)}, {"UNSYNCED_DELAY", "fdatasync:0-300"}});
    for (int thread = 0; thread < 4; ++thread) {
      const auto promised = left("acknowledged" + std::to_string(thread)).value_or("").size();
      const auto content = left("log" + std::to_string(thread)).value_or("");
      ASSERT_GE(content.size(), promised * 100) << "seed " << seed << " thread " << thread;
      for (size_t record = 0; record < promised; ++record)
        ASSERT_EQ(content.substr(record * 100, 100),
                  std::string(100, static_cast<char>('a' + record % 26)));
      fs::remove(root() / ("acknowledged" + std::to_string(thread)));
      fs::remove(root() / ("log" + std::to_string(thread)));
      outcomes.insert(content.size() > promised * 100 ? "more" : "exact");
    }
  }
  EXPECT_THAT(outcomes, testing::Contains("more"))
    << "never a record that was written and not yet synced";
}

} // namespace
