// A backup becomes the data directory of a new cluster's member, or nothing that starts.
#include "actors/node/restored_directory.hpp"
#include "messages/membership.hpp"
#include "storage/memory_engine.hpp"
#include "storage/mvcc/store.hpp"
#include "storage/posix_file_system.hpp"
#include "storage/raft_log.hpp"
#include "storage/rocksdb_engine.hpp"
#include "storage/storage_error.hpp"
#include "test/storage/backup_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace troupe {
namespace {

namespace fs = std::filesystem;
using storage::storage_error;
using testing::HasSubstr;

const founding_member one{"m1", {"http://10.0.0.1:2380"}};
const founding_member two{"m2", {"http://10.0.0.2:2380", "http://10.0.1.2:2380"}};

struct restored_directory_test : testing::Test {
  restored_directory_test() {
    auto name = (fs::temp_directory_path() / "troupe_restore_XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::system_error{errno, std::generic_category(), "mkdtemp"};
    root = name;
    for (int i = 0; i < 50; ++i)
      put("key" + std::to_string(i % 7), std::string(static_cast<std::size_t>(i * 40), 'v'));
    save("backup");
  }

  ~restored_directory_test() override {
    fs::remove_all(root);
  }

  void put(const std::string& key, const std::string& value) {
    auto txn = store.begin();
    txn->put(key, value, {}, false);
    txn.reset();
    store.commit({{4}, {++index}});
  }

  void save(const std::string& name) {
    std::ofstream{root / name, std::ios::binary} << backup::take_backup(store.pin(), 500);
  }

  restore_order order(const std::string& directory = "data") const {
    return {.backup = (root / "backup").string(),
            .data_dir = (root / directory).string(),
            .name = "m1",
            .initial_cluster = {one},
            .on_progress = {}};
  }

  std::string refusal(const restore_order& wanted) {
    try {
      restore_backup(wanted, files);
    } catch (const storage_error& error) {
      return error.what();
    }
    return "";
  }

  /// What `troupe` asks first of a directory.
  std::optional<data_identity> identity_of(const std::string& directory) {
    return data_directory{files, (root / directory).string()}.identity();
  }

  fs::path root;
  storage::posix_file_system files;
  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  std::uint64_t index = 0;
};

TEST_F(restored_directory_test, is_that_of_a_founding_member) {
  auto wanted = order();
  wanted.initial_cluster = {one, two};
  const auto made = restore_backup(wanted, files);
  EXPECT_EQ(made.state.revision, 51);
  EXPECT_EQ(made.from.applied, (entry_id{{4}, {50}}));
  EXPECT_EQ(identity_of("data"), made.identity);
  struct stat status {};
  ::stat(wanted.data_dir.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  std::vector<std::string> names = files.list(wanted.data_dir);
  EXPECT_EQ(names, (std::vector<std::string>{"identity", "log", "state"}));

  const auto log =
    storage::raft_log::open(files, wanted.data_dir + "/log",
                            {.cluster = made.identity.cluster, .member = made.identity.member});
  ASSERT_EQ(log.entries.size(), 1u);
  EXPECT_EQ(log.entries[0].id, (entry_id{{1}, {1}}));
  EXPECT_EQ(log.state.commit, log_index{1});
  const auto configured = decode_configuration(log.entries[0].payload);
  ASSERT_TRUE(configured);
  EXPECT_EQ(configured->cluster, made.identity.cluster);
  ASSERT_EQ(configured->members.size(), 2u);
  EXPECT_EQ(configured->members.at(made.identity.member).peer_urls, one.peer_urls);

  storage::rocksdb_engine state{wanted.data_dir + "/state", {}};
  const mvcc::store restored{state};
  EXPECT_EQ(restored.revision(), 51);
  EXPECT_EQ(restored.applied(), entry_id{}) << "the new log's first entry is still to come";
}

TEST_F(restored_directory_test, members_of_one_cluster_meet_and_others_do_not) {
  auto first = order("1");
  first.initial_cluster = {one, two};
  auto second = first;
  second.data_dir = (root / "2").string();
  second.name = "m2";
  const auto a = restore_backup(first, files);
  const auto b = restore_backup(second, files);
  EXPECT_EQ(a.identity.cluster, b.identity.cluster);
  EXPECT_NE(a.identity.member, b.identity.member);

  auto bumped = first;
  bumped.data_dir = (root / "3").string();
  bumped.rules = {.bump_revision = 10, .mark_compacted = true};
  EXPECT_NE(restore_backup(bumped, files).identity.cluster, a.identity.cluster);

  put("later", "x");
  save("another");
  auto other = first;
  other.backup = (root / "another").string();
  other.data_dir = (root / "4").string();
  EXPECT_NE(restore_backup(other, files).identity.cluster, a.identity.cluster)
    << "of other content";
}

TEST_F(restored_directory_test, used_directory_is_left_alone) {
  fs::create_directories(root / "data");
  std::ofstream{root / "data" / "file"} << "mine";
  EXPECT_THAT(refusal(order()), HasSubstr("not empty"));
  EXPECT_EQ(files.list((root / "data").string()), std::vector<std::string>{"file"});
  fs::remove(root / "data" / "file");
  EXPECT_EQ(refusal(order()), "") << "an empty one may be there";
  EXPECT_THAT(refusal(order()), HasSubstr("not empty")) << "not a second time";
  EXPECT_TRUE(identity_of("data"));
}

TEST_F(restored_directory_test, refused_backup_leaves_nothing) {
  auto bytes = backup::take_backup(store.pin(), 500);
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream{root / "backup", std::ios::binary} << bytes;
  EXPECT_THAT(refusal(order("a/b")), HasSubstr("damaged"));
  EXPECT_FALSE(fs::exists(root / "a" / "b"));
  fs::create_directories(root / "empty");
  EXPECT_THAT(refusal(order("empty")), HasSubstr("damaged"));
  EXPECT_TRUE(fs::is_empty(root / "empty"));
}

TEST_F(restored_directory_test, digest_may_be_passed_over) {
  auto bytes = backup::take_backup(store.pin(), 500);
  std::ofstream{root / "backup", std::ios::binary} << bytes.substr(0, bytes.size() - 32);
  EXPECT_THAT(refusal(order()), HasSubstr("SHA-256"));
  auto wanted = order();
  wanted.skip_digest = true;
  EXPECT_EQ(refusal(wanted), "");
}

TEST_F(restored_directory_test, name_must_be_of_the_cluster) {
  auto wanted = order();
  wanted.name = "m3";
  EXPECT_THAT(refusal(wanted), HasSubstr("couldn't find local name \"m3\""));
  EXPECT_FALSE(fs::exists(root / "data"));
}

TEST_F(restored_directory_test, unfinished_restore_starts_nowhere_and_is_done_again) {
  const auto made = restore_backup(order(), files);
  // As a crash leaves it at its latest: everything is there, but nobody knows.
  data_directory{files, order().data_dir}.begin_restore();
  try {
    identity_of("data");
    ADD_FAILURE() << "it is not refused";
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_damaged);
    EXPECT_THAT(error.what(), HasSubstr("not restored to its end"));
  }
  put("later", "x");
  save("backup");
  EXPECT_EQ(refusal(order()), "");
  ASSERT_TRUE(identity_of("data"));
  EXPECT_NE(identity_of("data"), made.identity);
  storage::rocksdb_engine state{root / "data/state", {}};
  EXPECT_EQ(mvcc::store{state}.revision(), 52) << "nothing is left of the first";
}

TEST_F(restored_directory_test, two_restores_do_not_meet) {
  fs::create_directories(root / "data");
  data_directory{files, order().data_dir}.begin_restore();
  const auto lock = files.lock_directory(order().data_dir);
  try {
    restore_backup(order(), files);
    ADD_FAILURE() << "it is not refused";
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_locked);
  }
}

} // namespace
} // namespace troupe
