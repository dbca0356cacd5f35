#include "actors/sim/simulated_disk.hpp"
#include "storage/storage_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace troupe::sim {
namespace {

using storage::open_mode;
using storage::storage_error;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SimulatedDisk : public ::testing::Test {
protected:
  SimulatedDisk() {
    disk.make_directory("/d");
  }

  static void write(storage::file& to, std::uint64_t offset, std::string_view text) {
    to.write_durable(offset, std::as_bytes(std::span{text}));
  }

  /// A write whose sync fails.
  void write_unsynced(storage::file& to, std::uint64_t offset, std::string_view text) {
    disk.fail_after(0);
    EXPECT_THROW(write(to, offset, text), storage_error);
  }

  std::unique_ptr<storage::file> make_file(const std::string& text) {
    auto x = disk.open("/d/x", open_mode::create);
    disk.sync_directory("/d");
    write(*x, 0, text);
    return x;
  }

  simulated_disk disk{1};
};

TEST_F(SimulatedDisk, KeepsWhatWasSynced) {
  make_file("hello");
  disk.crash({.kept_percent = 0});
  EXPECT_EQ(disk.contents("/d/x"), "hello");
}

TEST_F(SimulatedDisk, LosesANameThatWasNotSynced) {
  auto x = disk.open("/d/x", open_mode::create);
  write(*x, 0, "hello");
  disk.crash({.kept_percent = 0});
  EXPECT_THAT(disk.list("/d"), IsEmpty());
}

TEST_F(SimulatedDisk, LosesAnyOfRenamesAndRemovals) {
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    simulated_disk other{seed};
    other.make_directory("/d");
    for (const auto* path : {"/d/a", "/d/b"})
      other.set_contents(path, path);
    other.rename("/d/a", "/d/c");
    other.remove("/d/b");
    EXPECT_THAT(other.list("/d"), ElementsAre("c"));
    other.crash({.kept_percent = 50});
    seen.insert(other.list("/d"));
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"c"}, {"b", "c"}, {"a"}, {"a", "b"}}));
}

TEST_F(SimulatedDisk, TearsAtSectors) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    disk = simulated_disk{seed};
    disk.make_directory("/d");
    auto x = make_file(std::string(3 * sector_bytes, 'a'));
    // The write fails behind some of its bytes, so nothing of it is synced.
    write_unsynced(*x, 0, std::string(3 * sector_bytes, 'b'));
    disk.crash({.kept_percent = 50});
    auto bytes = disk.contents("/d/x");
    ASSERT_EQ(bytes.size(), 3 * sector_bytes);
    seen.insert(std::string{bytes[0], bytes[sector_bytes], bytes[2 * sector_bytes]});
  }
  EXPECT_EQ(seen.size(), 8U);
}

TEST_F(SimulatedDisk, AFailedSyncMayLoseWhatReadsStillShow) {
  auto lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    disk = simulated_disk{seed};
    disk.make_directory("/d");
    auto x = make_file("old");
    disk.fail_after(1);
    EXPECT_THROW(write(*x, 0, "new"), storage_error);
    EXPECT_EQ(disk.failed_call(), disk_call::sync);
    EXPECT_EQ(disk.contents("/d/x"), "new");
    write(*x, 1000, "a later sync does not help");
    disk.crash({.kept_percent = 100});
    lost += disk.contents("/d/x").starts_with("old") ? 1 : 0;
  }
  EXPECT_GT(lost, 10);
  EXPECT_LT(lost, 40);
}

TEST_F(SimulatedDisk, FlipsBitsOnlyInWhatWasNotSynced) {
  auto x = make_file("synced");
  write_unsynced(*x, 600, std::string(5000, '\0'));
  disk.crash({.kept_percent = 100, .flipped_bits = 1});
  auto bytes = disk.contents("/d/x");
  EXPECT_TRUE(bytes.starts_with("synced"));
  EXPECT_EQ(std::count(bytes.begin() + 600, bytes.end(), '\0'),
            static_cast<std::ptrdiff_t>(bytes.size()) - 601);
}

TEST_F(SimulatedDisk, FailsTheCallAskedForAndOnlyThat) {
  auto x = make_file("hello");
  disk.fail_after(2, disk_fault::disk_full);
  EXPECT_EQ(x->size(), 5U);
  EXPECT_EQ(x->size(), 5U);
  try {
    disk.list("/d");
    FAIL();
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::disk_full);
  }
  EXPECT_EQ(disk.failed_call(), disk_call::list);
  EXPECT_THAT(disk.list("/d"), ElementsAre("x"));
}

TEST_F(SimulatedDisk, AFrozenDiskTakesNothing) {
  auto x = make_file("hello");
  auto lock = disk.lock_directory("/d");
  disk.freeze();
  EXPECT_THROW(write(*x, 0, "HELLO"), storage_error);
  EXPECT_THROW(disk.remove("/d/x"), storage_error);
  disk.crash();
  EXPECT_EQ(disk.contents("/d/x"), "hello");
}

TEST_F(SimulatedDisk, AfterACrashTheOldUserIsShutOut) {
  auto x = make_file("hello");
  auto lock = disk.lock_directory("/d");
  disk.crash();
  auto next = disk.lock_directory("/d");
  EXPECT_THROW(write(*x, 0, "HELLO"), storage_error);
  lock.reset(); // must not give away the next one's
  EXPECT_THROW(disk.lock_directory("/d"), storage_error);
}

TEST_F(SimulatedDisk, SameSeedSameDisk) {
  auto run = [](std::uint64_t seed) {
    simulated_disk other{seed};
    other.make_directory("/d");
    std::string trace;
    for (int round = 0; round < 20; ++round) {
      auto path = "/d/" + std::to_string(round);
      auto x = other.open(path, open_mode::create);
      other.fail_after(1 + round % 3);
      try {
        write(*x, 0, std::string(5000, 'x'));
        other.sync_directory("/d");
      } catch (const storage_error&) {
      }
      other.crash({.flipped_bits = 2});
      for (const auto& name : other.list("/d"))
        trace += name + other.contents("/d/" + name);
    }
    return trace;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

} // namespace
} // namespace troupe::sim
