#include "storage/incoming_state.hpp"
#include "storage/posix_file_system.hpp"
#include "storage/rocksdb_engine.hpp"
#include "storage/state_files.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace troupe::storage {
namespace {

namespace fs = std::filesystem;

class state_files_test : public testing::Test {
protected:
  state_files_test() {
    std::string pattern = (fs::temp_directory_path() / "state_files_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }

  ~state_files_test() override {
    fs::remove_all(root_);
  }

  std::string path(const std::string& name) const {
    return root_ + "/" + name;
  }

  void fill(const std::string& store, int from, int to) {
    rocksdb_engine engine{path(store), {}};
    for (int i = from; i < to; ++i) {
      auto batch = engine.make_batch();
      batch->put(family::lease, "key" + std::to_string(i), std::string(500, 'v'));
      engine.write(*batch);
      if (i % 100 == 0)
        engine.flush();
    }
  }

  int count(const std::string& store) {
    rocksdb_engine engine{path(store), {}};
    int found = 0;
    engine.latest().visit(family::lease, {}, std::nullopt, [&](auto, auto) { return ++found; });
    return found;
  }

  /// Piece by piece, as over a network.
  std::vector<snapshot_file> send(const std::string& checkpoint, const std::string& to) {
    auto files = states_.list(path(checkpoint));
    incoming_state incoming{disk_, path(to)};
    incoming.begin(files, {});
    constexpr std::uint32_t most = 10'000;
    for (std::uint32_t file = 0; file < files.size(); ++file) {
      for (std::uint64_t at = 0; at < files[file].bytes; at += most) {
        auto bytes =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(most, files[file].bytes - at));
        incoming.write(file, at, states_.read(path(checkpoint), files[file].name, at, bytes));
      }
      EXPECT_TRUE(incoming.check(file)) << files[file].name;
    }
    incoming.seal();
    return files;
  }

  posix_file_system disk_;
  directory_state_files states_{disk_};
  std::string root_;
};

TEST_F(state_files_test, a_store_takes_the_place_of_another) {
  fill("theirs", 0, 1000);
  rocksdb_engine{path("theirs"), {}}.checkpoint(path("checkpoint"));
  fill("ours", 2000, 2100);
  send("checkpoint", "incoming");
  states_.install(path("incoming"), path("ours"));
  EXPECT_FALSE(fs::exists(path("incoming")));
  EXPECT_EQ(count("ours"), 1000);
  EXPECT_EQ(fs::status(path("ours")).permissions(), fs::perms::owner_all);
  states_.install(path("incoming"), path("ours"));
  EXPECT_EQ(count("ours"), 1000) << "a second time it has nothing to do";
  states_.remove(path("checkpoint"));
  EXPECT_FALSE(fs::exists(path("checkpoint")));
  states_.remove(path("checkpoint"));
}

TEST_F(state_files_test, an_installation_that_was_cut_off_goes_on) {
  fill("theirs", 0, 300);
  rocksdb_engine{path("theirs"), {}}.checkpoint(path("checkpoint"));
  fill("ours", 2000, 2100);
  send("checkpoint", "incoming");
  // Some of the own files had gone already.
  fs::remove(fs::directory_iterator { path("ours") } -> path());
  states_.install(path("incoming"), path("ours"));
  EXPECT_EQ(count("ours"), 300);
}

TEST_F(state_files_test, a_wrong_byte_is_seen) {
  fill("theirs", 0, 300);
  rocksdb_engine{path("theirs"), {}}.checkpoint(path("checkpoint"));
  auto files = send("checkpoint", "incoming");
  incoming_state incoming{disk_, path("again")};
  incoming.begin(files, {});
  for (std::uint32_t file = 0; file < files.size(); ++file) {
    auto bytes = static_cast<std::uint32_t>(files[file].bytes);
    auto content = states_.read(path("checkpoint"), files[file].name, 0, bytes);
    content[bytes / 2] ^= 1;
    incoming.write(file, 0, content);
    EXPECT_FALSE(incoming.check(file));
    content[bytes / 2] ^= 1;
    incoming.write(file, 0, content);
    EXPECT_TRUE(incoming.check(file));
    content.pop_back();
    fs::resize_file(path("again/" + files[file].name), content.size());
    EXPECT_FALSE(incoming.check(file)) << "too short";
  }
}

TEST_F(state_files_test, what_is_kept_stays_and_the_rest_goes) {
  incoming_state incoming{disk_, path("incoming")};
  std::vector<snapshot_file> first{{"a", 1, 0}, {"b", 1, 0}, {"c", 1, 0}};
  incoming.begin(first, {});
  for (std::uint32_t file = 0; file < first.size(); ++file)
    incoming.write(file, 0, "x");
  incoming.begin({{"d", 1, 0}, {"b", 1, 0}}, {1});
  EXPECT_EQ(disk_.list(path("incoming")), (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(fs::file_size(path("incoming/b")), 1u);
  EXPECT_EQ(fs::file_size(path("incoming/d")), 0u);
  incoming_state later{disk_, path("incoming")};
  EXPECT_TRUE(disk_.list(path("incoming")).empty()) << "nobody knows what an earlier process left";
}

TEST_F(state_files_test, a_piece_beyond_the_file_is_refused) {
  incoming_state incoming{disk_, path("incoming")};
  incoming.begin({{"a", 10, 0}}, {});
  EXPECT_ANY_THROW(incoming.write(0, 8, "xyz"));
  EXPECT_ANY_THROW(incoming.write(0, UINT64_MAX, "x"));
  EXPECT_ANY_THROW(incoming.write(1, 0, "x"));
}

} // namespace
} // namespace troupe::storage
