// What only the RocksDB engine has: processes that are killed, files that are damaged, a disk that
// refuses.
#include "storage/rocksdb_engine.hpp"
#include "test/storage/engine_machine.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::storage {
namespace {

namespace fs = std::filesystem;

/// A child process with its standard output, killed at the end.
class child {
public:
  child(const char* program, const std::string& argument) {
    int out[2];
    if (::pipe(out) != 0)
      throw std::runtime_error{"pipe"};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::close(out[0]);
      ::close(out[1]);
      ::execl(program, program, argument.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    output_ = ::fdopen(out[0], "r");
  }

  ~child() {
    kill();
    std::fclose(output_);
  }

  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// The number in the next line "flushed n"; 0 at the end of the output.
  std::int64_t flushed() {
    char line[100];
    long long n = 0;
    if (!std::fgets(line, sizeof line, output_) || std::sscanf(line, "flushed %lld", &n) != 1)
      return 0;
    return n;
  }

  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

private:
  pid_t pid_ = 0;
  std::FILE* output_ = nullptr;
};

TEST(rocksdb_engine, a_killed_process_leaves_one_cut_through_all_families) {
  rocksdb_machine machine;
  std::mt19937 random{20};
  std::int64_t before = 0;
  for (int round = 0; round < 8; ++round) {
    child writer{ENGINE_WRITER, machine.path("store").string()};
    std::int64_t flushed = before;
    for (auto lines = 1 + random() % 6; lines > 0; --lines) {
      flushed = writer.flushed();
      ASSERT_GT(flushed, before);
    }
    ::usleep(random() % 30'000);
    writer.kill();
    for (auto n = writer.flushed(); n > 0; n = writer.flushed())
      flushed = n;
    const auto store = machine.open("store");
    const auto number = store->durable("n");
    ASSERT_TRUE(number.has_value());
    const auto last = std::stoll(*number);
    EXPECT_GE(last, flushed);
    before = last;
    std::string value;
    for (auto where :
         {family::events, family::lease, family::auth, family::member, family::meta, family::v2}) {
      EXPECT_TRUE(store->latest().get(where, "n", value));
      EXPECT_EQ(value, *number) << name(where);
    }
    EXPECT_EQ(store->latest().get_version("last", INT64_MAX, value), read_view::found::yes);
    EXPECT_EQ(value, *number);
    EXPECT_LE(store->floor(), last);
    for (auto n = std::max<std::int64_t>({1, store->floor(), last - 40}); n <= last; ++n) {
      EXPECT_EQ(store->latest().get_version("key" + std::to_string(n % 50), n, value),
                read_view::found::yes);
      EXPECT_EQ(std::stoll(value), n);
    }
  }
}

TEST(rocksdb_engine, the_directory_is_the_owners_alone) {
  rocksdb_machine machine;
  fs::create_directories(machine.path("store"));
  fs::permissions(machine.path("store"), fs::perms::all);
  const auto store = machine.open("store");
  EXPECT_EQ(fs::status(machine.path("store")).permissions(), fs::perms::owner_all);
  store->checkpoint(machine.path("copy"));
  EXPECT_EQ(fs::status(machine.path("copy")).permissions(), fs::perms::owner_all);
}

errc refusal(rocksdb_machine& machine, std::string* text = nullptr) {
  try {
    machine.open("store");
    return errc::none;
  } catch (const storage_error& error) {
    if (text)
      *text = error.what();
    return error.code();
  }
}

TEST(rocksdb_engine, a_directory_with_other_files_is_refused_and_left_alone) {
  rocksdb_machine machine;
  fs::create_directories(machine.path("store"));
  std::ofstream{machine.path("store") / "letter.txt"} << "dear";
  std::string text;
  EXPECT_EQ(refusal(machine, &text), errc::data_foreign);
  EXPECT_THAT(text, testing::HasSubstr("letter.txt"));
  EXPECT_EQ(std::distance(fs::directory_iterator{machine.path("store")}, {}), 1);
}

TEST(rocksdb_engine, a_missing_data_file_is_refused) {
  rocksdb_machine machine;
  {
    const auto store = machine.open("store");
    const auto batch = store->make_batch();
    batch->put_version("a", 2, "v");
    store->write(*batch);
  }
  for (const auto& entry : fs::directory_iterator{machine.path("store")})
    if (entry.path().extension() == ".sst")
      fs::remove(entry.path());
  EXPECT_THAT(refusal(machine), testing::AnyOf(errc::data_damaged, errc::io_error));
}

TEST(rocksdb_engine, a_flipped_bit_is_damage_and_never_an_answer) {
  rocksdb_machine machine;
  {
    const auto store = machine.open("store");
    const auto batch = store->make_batch();
    for (int i = 0; i < 200; ++i)
      batch->put_version("key" + std::to_string(i), 2, std::string(500, 'v'));
    store->write(*batch);
  }
  fs::path largest;
  for (const auto& entry : fs::directory_iterator{machine.path("store")})
    if (entry.path().extension() == ".sst"
        && (largest.empty() || entry.file_size() > fs::file_size(largest)))
      largest = entry.path();
  std::fstream file{largest, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(2000);
  const auto byte = static_cast<char>(file.get() ^ 4);
  file.seekp(2000);
  file.put(byte);
  file.close();
  try {
    const auto store = machine.open("store");
    store->latest().visit_versions({}, std::nullopt, 2, [](auto, std::string_view value) {
      EXPECT_EQ(value, std::string(500, 'v'));
      return true;
    });
    FAIL() << "read";
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_damaged) << error.what();
  }
}

/// No file of this process grows beyond `bytes`; writes beyond fail as on a broken disk.
class file_size_limit {
public:
  explicit file_size_limit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
  }

private:
  rlimit before_{};
};

TEST(rocksdb_engine, a_failed_flush_is_told_and_final) {
  rocksdb_machine machine;
  std::atomic<int> told = 0;
  rocksdb_options options;
  options.listener.on_background_error = [&](const storage_error& error) {
    EXPECT_EQ(error.code(), errc::io_error);
    ++told;
  };
  auto store = std::make_unique<rocksdb_engine>(machine.path("store"), options);
  const auto batch = store->make_batch();
  batch->put(family::meta, "n", "1");
  store->write(*batch);
  store->flush();
  {
    const file_size_limit limit{200'000};
    batch->clear();
    batch->put(family::meta, "n", "2");
    std::mt19937 random{1};
    for (int i = 0; i < 500; ++i) {
      std::string noise(1000, ' ');
      for (auto& byte : noise)
        byte = static_cast<char>(random());
      batch->put_version("key" + std::to_string(i), 2, noise);
    }
    store->write(*batch);
    EXPECT_THROW(store->flush(), storage_error);
    EXPECT_GE(told, 1);
  }
  EXPECT_EQ(store->durable("n"), "1");
  EXPECT_THROW(store->write(*batch), storage_error);
  EXPECT_THROW(store->flush(), storage_error);
  store.reset();
  EXPECT_EQ(machine.open("store")->durable("n"), "1");
}

TEST(rocksdb_engine, compactions_can_be_cancelled) {
  rocksdb_machine machine;
  const auto store = machine.open("store");
  const auto batch = store->make_batch();
  batch->put_version("a", 2, "v");
  store->write(*batch);
  static_cast<rocksdb_engine&>(*store).cancel_compactions();
  store->compact(true);
  std::string value;
  EXPECT_EQ(store->latest().get_version("a", 2, value), read_view::found::yes);
}

} // namespace
} // namespace troupe::storage
