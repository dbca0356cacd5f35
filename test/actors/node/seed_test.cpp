#include "actors/node/seed.hpp"

#include <gtest/gtest.h>
#include <set>

namespace troupe {
namespace {

TEST(seed, each_boot_of_each_member_draws_differently) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    for (std::uint64_t member = 1; member <= 10; ++member)
      for (std::uint64_t boot = 1; boot <= 10; ++boot)
        seeds.insert(seed_of_boot(seed, {member}, {boot}));
  EXPECT_EQ(seeds.size(), 1'000u);
  EXPECT_EQ(seed_of_boot(1, {2}, {3}), seed_of_boot(1, {2}, {3}));
}

} // namespace
} // namespace troupe
