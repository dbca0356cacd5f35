#include "actors/node/data_directory.hpp"
#include "actors/sim/simulated_disk.hpp"
#include "storage/storage_error.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr data_identity ours{{11}, {7}};

errc code_of(const std::function<void()>& operation) {
  try {
    operation();
  } catch (const storage::storage_error& failure) {
    return failure.code();
  }
  return errc::none;
}

TEST(data_directory, identity_is_what_was_founded) {
  sim::simulated_disk disk{1};
  data_directory fresh{disk, "/data"};
  EXPECT_FALSE(fresh.identity());
  fresh.found(ours);
  EXPECT_EQ(data_directory(disk, "/data").identity(), ours);
}

TEST(data_directory, founding_is_whole_or_not_at_all_after_a_crash) {
  int founded = 0;
  for (std::uint64_t calls = 0; calls < 12; ++calls)
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      sim::simulated_disk disk{seed};
      data_directory fresh{disk, "/data"};
      disk.fail_after(calls);
      bool done = code_of([&] { fresh.found(ours); }) == errc::none;
      disk.fail_after(std::nullopt);
      disk.crash();
      data_directory again{disk, "/data"};
      auto found = again.identity();
      if (done) {
        EXPECT_EQ(found, ours) << "what was reported is kept";
      }
      if (!found) {
        again.found(ours);
        EXPECT_EQ(again.identity(), ours) << "a half-made founding is no obstacle";
      } else {
        EXPECT_EQ(found, ours);
        founded += 1;
      }
    }
  EXPECT_GT(founded, 0);
}

TEST(data_directory, damaged_identity_is_refused) {
  sim::simulated_disk disk{1};
  data_directory directory{disk, "/data"};
  directory.found(ours);
  disk.set_contents("/data/identity", "\xff\xff\xff");
  EXPECT_EQ(code_of([&] { directory.identity(); }), errc::data_damaged);
  disk.set_contents("/data/identity", "");
  EXPECT_EQ(code_of([&] { directory.identity(); }), errc::data_damaged);
}

TEST(data_directory, data_without_identity_is_refused) {
  sim::simulated_disk disk{1};
  data_directory directory{disk, "/data"};
  disk.set_contents(directory.log_path(), "something");
  EXPECT_EQ(code_of([&] { directory.identity(); }), errc::data_foreign);
}

} // namespace
} // namespace troupe
