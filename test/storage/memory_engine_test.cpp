// The crashes that only the memory engine can choose.
#include "messages/ensure.hpp"
#include "storage/memory_engine.hpp"

#include <gtest/gtest.h>
#include <string>

namespace troupe::storage {
namespace {

class memory_engine_test : public testing::Test {
protected:
  void write(int n) {
    const auto batch = store->make_batch();
    batch->put_version("key", n, std::to_string(n));
    batch->put(family::meta, "n", std::to_string(n));
    store->write(*batch);
  }

  /// What a new engine finds after a crash.
  int crash(std::size_t back = 0) {
    store->crash(back);
    store = std::make_unique<memory_engine>(disk, "store");
    std::string n;
    if (!store->latest().get(family::meta, "n", n))
      n = "0";
    std::string version = "0";
    store->latest().get_version("key", INT64_MAX, version);
    EXPECT_EQ(n, version);
    return std::stoi(n);
  }

  memory_disk disk;
  std::unique_ptr<memory_engine> store = std::make_unique<memory_engine>(disk, "store");
};

TEST_F(memory_engine_test, a_crash_goes_to_any_flush_point_nobody_heard_of) {
  for (std::size_t back = 0; back <= 4; ++back) {
    store.reset();
    disk.directories.clear();
    store = std::make_unique<memory_engine>(disk, "store");
    write(1);
    store->flush();
    for (int n = 2; n <= 5; ++n) {
      write(n);
      store->flush_silently();
    }
    write(6);
    ASSERT_EQ(store->flush_points(), 5u);
    EXPECT_EQ(crash(back), 5 - static_cast<int>(back));
    EXPECT_EQ(store->flush_points(), 1u);
  }
}

TEST_F(memory_engine_test, what_was_reported_durable_stays) {
  write(1);
  store->flush_silently();
  write(2);
  store->flush_silently();
  EXPECT_EQ(store->durable("n"), "2");
  EXPECT_EQ(store->flush_points(), 1u);
  write(3);
  store->flush_silently();
  EXPECT_THROW(store->crash(2), invariant_error);
  EXPECT_EQ(crash(1), 2);
}

TEST_F(memory_engine_test, after_a_crash_nothing_reaches_the_disk) {
  write(1);
  store->flush();
  store->crash();
  write(2);
  store->flush();
  store->raise_floor(2);
  std::string n;
  EXPECT_TRUE(store->latest().get(family::meta, "n", n));
  EXPECT_EQ(n, "2");
  EXPECT_EQ(store->durable("n"), "1");
  store = std::make_unique<memory_engine>(disk, "store");
  EXPECT_EQ(store->floor(), 0);
  EXPECT_TRUE(store->latest().get(family::meta, "n", n));
  EXPECT_EQ(n, "1");
}

} // namespace
} // namespace troupe::storage
