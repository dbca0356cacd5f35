#include "storage/block_buffer.hpp"
#include "storage/crc32c.hpp"
#include "storage/posix_file_system.hpp"
#include "storage/raft_log.hpp"
#include "storage/storage_error.hpp"
#include "test/storage/raft_log_fixture.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PosixFileSystem : public ::testing::Test {
protected:
  PosixFileSystem() {
    auto pattern = (std::filesystem::temp_directory_path() / "troupe-files-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }

  ~PosixFileSystem() override {
    std::filesystem::remove_all(root_);
  }

  static mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  static std::string read_all(const file& from) {
    std::string bytes(from.size() + 10, '?');
    bytes.resize(from.read(0, std::as_writable_bytes(std::span{bytes})));
    return bytes;
  }

  static std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
  }

  std::string root_;
  posix_file_system files_;
};

TEST_F(PosixFileSystem, WritesAndReadsBytes) {
  auto x = files_.open(root_ + "/x", open_mode::create);
  EXPECT_EQ(x->size(), 0U);
  x->write_durable(0, bytes_of("hello world"));
  x->write_durable(6, bytes_of("there"));
  EXPECT_EQ(read_all(*x), "hello there");
  std::array<std::byte, 5> part{};
  EXPECT_EQ(x->read(9, part), 2U);
  EXPECT_EQ(x->read(100, part), 0U);
  EXPECT_EQ(read_all(*files_.open(root_ + "/x", open_mode::existing)), "hello there");
}

// Whole blocks take another way to the disk than bytes; both must see each other's writes.
TEST_F(PosixFileSystem, BlocksAndBytesMix) {
  auto x = files_.open(root_ + "/x", open_mode::create);
  block_buffer buffer;
  auto blocks = buffer.obtain(2 * block_bytes);
  std::fill(blocks.begin(), blocks.end(), std::byte{'b'});
  x->write_durable(0, bytes_of("aaa"));
  x->write_durable(block_bytes, blocks);
  x->write_durable(2 * block_bytes - 1, bytes_of("cc"));
  std::string expected =
    "aaa" + std::string(block_bytes - 3, '\0') + std::string(2 * block_bytes, 'b');
  expected.replace(2 * block_bytes - 1, 2, "cc");
  EXPECT_EQ(read_all(*x), expected);
  x->write_durable(block_bytes, blocks);
  EXPECT_EQ(read_all(*x).substr(block_bytes), std::string(2 * block_bytes, 'b'));
}

TEST_F(PosixFileSystem, CreateAndOpenDoNotMixUp) {
  EXPECT_EQ(code_of([&] { files_.open(root_ + "/x", open_mode::existing); }), errc::io_error);
  files_.open(root_ + "/x", open_mode::create);
  EXPECT_EQ(mode_of(root_ + "/x"), 0600U);
  EXPECT_EQ(code_of([&] { files_.open(root_ + "/x", open_mode::create); }), errc::io_error);
}

TEST_F(PosixFileSystem, ListsRenamesAndRemoves) {
  for (const auto* name : {"/b", "/c", "/a"})
    files_.open(root_ + name, open_mode::create);
  EXPECT_THAT(files_.list(root_), ElementsAre("a", "b", "c"));
  files_.rename(root_ + "/c", root_ + "/a");
  files_.remove(root_ + "/b");
  files_.sync_directory(root_);
  EXPECT_THAT(files_.list(root_), ElementsAre("a"));
}

TEST_F(PosixFileSystem, ErrorsNameFileAndReason) {
  auto missing = root_ + "/missing";
  auto calls = std::array<std::function<void()>, 6>{
    [&] { files_.open(missing, open_mode::existing); },
    [&] { files_.rename(missing, root_ + "/x"); },
    [&] { files_.remove(missing); },
    [&] { files_.list(missing); },
    [&] { files_.sync_directory(missing); },
    [&] { files_.lock_directory(missing); },
  };
  for (const auto& call : calls) {
    try {
      call();
      ADD_FAILURE();
    } catch (const storage_error& error) {
      EXPECT_EQ(error.code(), errc::io_error);
      EXPECT_THAT(error.what(), HasSubstr(missing));
      EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
    }
  }
}

TEST_F(PosixFileSystem, DirectoriesArePrivateAlsoIfTheyWereNot) {
  auto path = root_ + "/data";
  files_.make_directory(path);
  EXPECT_EQ(mode_of(path), 0700U);
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  files_.make_directory(path);
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(code_of([&] { files_.make_directory(root_ + "/no/parent"); }), errc::io_error);
  files_.open(root_ + "/plain", open_mode::create);
  EXPECT_EQ(code_of([&] { files_.make_directory(root_ + "/plain"); }), errc::io_error);
}

TEST_F(PosixFileSystem, OneLockPerDirectory) {
  auto lock = files_.lock_directory(root_);
  EXPECT_EQ(code_of([&] { files_.lock_directory(root_); }), errc::data_locked);
  lock.reset();
  EXPECT_EQ(code_of([&] { files_.lock_directory(root_); }), errc::none);
}

TEST_F(PosixFileSystem, AFullDiskIsToldFromOtherErrors) {
  auto full = files_.open("/dev/full", open_mode::existing);
  EXPECT_EQ(code_of([&] { full->write_durable(0, bytes_of("x")); }), errc::disk_full);
}

/// Limits the size of files: a write across the limit is short, the next one fails.
class file_size_limit {
public:
  explicit file_size_limit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_F(PosixFileSystem, AShortWriteIsContinuedUntilItFails) {
  auto x = files_.open(root_ + "/x", open_mode::create);
  block_buffer buffer;
  auto blocks = buffer.obtain(3 * block_bytes);
  std::fill(blocks.begin(), blocks.end(), std::byte{'b'});
  {
    file_size_limit limit{2 * block_bytes};
    EXPECT_EQ(code_of([&] { x->write_durable(0, blocks); }), errc::io_error);
    EXPECT_EQ(code_of([&] { x->write_durable(1, blocks.first(2 * block_bytes)); }), errc::io_error);
  }
  EXPECT_EQ(x->size(), 2 * block_bytes);
}

TEST_F(PosixFileSystem, TheRaftLogLivesOnIt) {
  auto options = small_options();
  auto directory = root_ + "/log";
  for (std::uint64_t boot = 1; boot <= 5; ++boot) {
    auto found = raft_log::open(files_, directory, options);
    EXPECT_EQ(found.state.boot.value, boot - 1);
    EXPECT_EQ(code_of([&] { raft_log::open(files_, directory, options); }), errc::data_locked);
    auto next = found.log->last().index.value + 1;
    EXPECT_EQ(next, (boot - 1) * 10 + 1);
    found.log->append(make_state(boot, 0, boot), make_entries(next, 5, boot, 500));
    found.log->prepare_ahead();
    found.log->append(std::nullopt, make_entries(next + 5, 5, boot, 500));
    found.log->close_batch();
    EXPECT_EQ(found.log->read({next}, {next + 10}, 100'000).size(), 10U);
    if (boot % 2 == 0)
      found.log->release(id(boot, next));
  }
  EXPECT_EQ(mode_of(directory), 0700U);
}

// Known values: RFC 3720, appendix B.4.
TEST(Crc32c, KnownValues) {
  std::array<std::byte, 32> bytes{};
  EXPECT_EQ(crc32c(bytes), 0x8a9136aaU);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43U);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc32c(bytes), 0x46dd794eU);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, ContinuesWhereAnotherEnded) {
  std::string text = "the quick brown fox jumps over the lazy dog";
  auto bytes = std::as_bytes(std::span{std::as_const(text)});
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(crc32c(bytes.subspan(cut), crc32c(bytes.first(cut))), crc32c(bytes));
}

} // namespace
} // namespace troupe::storage
