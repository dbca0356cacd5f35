/// RocksDB, used as the state machine uses it, survives power cuts made by libunsynced.so; and a
/// library that ignores syncs shows that this test can fail.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

/// One life of rocksdb_writer.
class writer {
public:
  writer(const fs::path& directory, std::map<std::string, std::string> environment) {
    int ends[2];
    if (pipe(ends) != 0)
      throw std::runtime_error("pipe");
    environment.emplace("LD_PRELOAD", UNSYNCED_LIBRARY);
    environment.emplace("UNSYNCED_ROOT", directory);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      for (const auto& [name, value] : environment)
        setenv(name.c_str(), value.c_str(), 1);
      execl(WRITER_PROGRAM, WRITER_PROGRAM, directory.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    out_ = fdopen(ends[0], "r");
  }

  ~writer() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::fclose(out_);
  }

  /// The number in its first line. Empty if it found its database broken; `failure` says how.
  std::optional<uint64_t> opened(std::string& failure) {
    char line[512] = "";
    unsigned long number = 0;
    if (std::fgets(line, sizeof line, out_) != nullptr
        && std::sscanf(line, "opened %lu", &number) == 1)
      return number;
    failure = line;
    return std::nullopt;
  }

  void cut_power() {
    kill(pid_, SIGUSR2);
  }

  /// The last index it said to have flushed before it ended; `otherwise` if none.
  uint64_t last_flushed(uint64_t otherwise) {
    char line[512];
    unsigned long number = otherwise;
    while (std::fgets(line, sizeof line, out_) != nullptr)
      std::sscanf(line, "flushed %lu", &number);
    return number;
  }

private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

class rocksdb_power_cut : public testing::Test {
protected:
  rocksdb_power_cut() {
    std::string pattern = fs::temp_directory_path() / "unsynced-rocksdb-XXXXXX";
    work_ = mkdtemp(pattern.data());
    fs::create_directory(work_ / "db");
  }

  ~rocksdb_power_cut() override {
    fs::remove_all(work_);
  }

  fs::path directory() const {
    return work_ / "db";
  }

private:
  fs::path work_;
};

/// In ordered mode: RocksDB 7.8 does not open a MANIFEST whose last, un-synced record is torn by a
/// hole ("checksum mismatch"), only one that is cut short.
TEST_F(rocksdb_power_cut, WhatWasFlushedIsThereAndFamiliesAgree) {
  std::mt19937 random{17};
  uint64_t promised = 0, rounds_with_progress = 0, last_seen = 0;
  for (int round = 1; round <= 20; ++round) {
    writer life{directory(),
                {{"UNSYNCED_SEED", std::to_string(round)},
                 {"UNSYNCED_DELAY", "sync:0-2000"},
                 {"UNSYNCED_ORDERED", "1"}}};
    std::string failure;
    const auto opened = life.opened(failure);
    ASSERT_TRUE(opened) << "round " << round << ": " << failure;
    ASSERT_GE(*opened, promised) << "round " << round;
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % 300});
    life.cut_power();
    promised = life.last_flushed(*opened);
    rounds_with_progress += *opened > last_seen;
    last_seen = *opened;
  }
  EXPECT_GE(rounds_with_progress, 5u) << "hardly any round got on";
}

TEST_F(rocksdb_power_cut, IgnoredSyncsAreNoticed) {
  uint64_t promised = 0;
  {
    writer life{directory(), {{"UNSYNCED_IGNORE_SYNC", "1"}, {"UNSYNCED_KEEP", "50"}}};
    std::string failure;
    ASSERT_TRUE(life.opened(failure));
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
    life.cut_power();
    promised = life.last_flushed(0);
  }
  ASSERT_GT(promised, 0u);
  writer life{directory(), {}};
  std::string failure;
  EXPECT_LT(life.opened(failure).value_or(0), promised);
}

} // namespace
