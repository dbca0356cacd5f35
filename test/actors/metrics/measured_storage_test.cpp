#include "actors/metrics/measured_storage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>

namespace troupe::metrics {
namespace {

using namespace std::chrono_literals;
using testing::_;

struct hand_clock : clock {
  time_point now() const override {
    return at;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point at{};
};

struct mock_file : storage::file {
  MOCK_METHOD(std::size_t, read, (std::uint64_t, std::span<std::byte>), (const, override));
  MOCK_METHOD(void, write_durable, (std::uint64_t, std::span<const std::byte>), (override));
  MOCK_METHOD(std::uint64_t, size, (), (const, override));
};

struct mock_file_system : storage::file_system {
  MOCK_METHOD(std::unique_ptr<storage::file>, open, (const std::string&, storage::open_mode),
              (override));
  MOCK_METHOD(void, rename, (const std::string&, const std::string&), (override));
  MOCK_METHOD(void, remove, (const std::string&), (override));
  MOCK_METHOD(std::vector<std::string>, list, (const std::string&), (const, override));
  MOCK_METHOD(void, sync_directory, (const std::string&), (override));
  MOCK_METHOD(void, make_directory, (const std::string&), (override));
  MOCK_METHOD(std::unique_ptr<storage::directory_lock>, lock_directory, (const std::string&),
              (override));
};

struct measured_storage_test : testing::Test {
  auto takes(std::chrono::nanoseconds duration) {
    return [=, this] { time->at += duration; };
  }

  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  std::shared_ptr<node_counters> counters = std::make_shared<node_counters>();
  storage_counters& seen = counters->storage;
};

TEST_F(measured_storage_test, durable_writes_are_timed) {
  auto disk = std::make_shared<mock_file_system>();
  auto inner = std::make_unique<mock_file>();
  auto& file = *inner;
  EXPECT_CALL(*disk, open("wal", storage::open_mode::create))
    .WillOnce(testing::Return(testing::ByMove(std::move(inner))));
  auto opened = measure(disk, meter{time, counters})->open("wal", storage::open_mode::create);

  EXPECT_CALL(file, write_durable(4096, _)).WillOnce(takes(3ms));
  std::byte block[512] = {};
  opened->write_durable(4096, block);
  EXPECT_EQ(seen.sync_duration.in_bucket(2), 1u);
  EXPECT_EQ(seen.bytes_written.value(), 512u);
  EXPECT_EQ(seen.sync_duration.sum(), 3'000'000u);
}

TEST_F(measured_storage_test, a_failed_write_is_passed_on_and_not_counted_as_written) {
  auto disk = std::make_shared<mock_file_system>();
  auto inner = std::make_unique<mock_file>();
  EXPECT_CALL(*inner, write_durable(_, _)).WillOnce(testing::Throw(std::runtime_error{"disk"}));
  EXPECT_CALL(*disk, open(_, _)).WillOnce(testing::Return(testing::ByMove(std::move(inner))));
  auto opened = measure(disk, meter{time, counters})->open("wal", storage::open_mode::existing);
  std::byte block[512] = {};
  EXPECT_THROW(opened->write_durable(0, block), std::runtime_error);
  EXPECT_EQ(seen.bytes_written.value(), 0u);
  EXPECT_EQ(seen.sync_duration.sum(), 0u);
}

TEST_F(measured_storage_test, a_batch_is_timed_and_sized) {
  persist one;
  one.entries.resize(2);
  one.entries[0].payload = blob{std::string(300, 'x')};
  persist other;
  other.entries.resize(1);
  seen.wrote({one, other}, 2ms);
  EXPECT_EQ(seen.batch_duration.in_bucket(1), 1u);
  EXPECT_EQ(seen.batch_entries.in_bucket(2), 1u) << "three: above 2, at most 4";
  EXPECT_EQ(seen.batch_bytes.in_bucket(1), 1u);
}

} // namespace
} // namespace troupe::metrics
