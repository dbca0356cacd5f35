#include "actors/metrics/counter.hpp"

#include <gtest/gtest.h>

namespace troupe::metrics {
namespace {

using namespace std::chrono_literals;

TEST(counter_test, a_bound_belongs_to_its_bucket) {
  using bounds = doubling_bounds<100, 4>; // 100 200 400 800
  EXPECT_EQ(bounds::bucket_of(0), 0u);
  EXPECT_EQ(bounds::bucket_of(100), 0u);
  EXPECT_EQ(bounds::bucket_of(101), 1u);
  EXPECT_EQ(bounds::bucket_of(200), 1u);
  EXPECT_EQ(bounds::bucket_of(201), 2u);
  EXPECT_EQ(bounds::bucket_of(800), 3u);
  EXPECT_EQ(bounds::bucket_of(801), 4u);
  EXPECT_EQ(bounds::bucket_of(UINT64_MAX), 4u);
}

/// The quick way to a bucket finds what going through the bounds finds.
TEST(counter_test, doubling_bounds_agree_with_the_same_bounds_listed) {
  using doubling = doubling_bounds<3, 5>;
  using listed = listed_bounds<3, 6, 12, 24, 48>;
  ASSERT_EQ(doubling::count, listed::count);
  for (std::size_t i = 0; i < listed::count; ++i)
    EXPECT_EQ(doubling::bound(i), listed::bound(i));
  for (std::uint64_t value = 0; value < 100; ++value)
    EXPECT_EQ(doubling::bucket_of(value), listed::bucket_of(value)) << value;
}

TEST(counter_test, histogram_counts_and_sums) {
  disk_histogram x;
  x.observe(500us);
  x.observe(1ms);
  x.observe(3ms);
  x.observe(60s);
  x.observe(-1s);
  EXPECT_EQ(x.in_bucket(0), 3u);
  EXPECT_EQ(x.in_bucket(2), 1u);
  EXPECT_EQ(x.in_bucket(disk_histogram::bounds::count), 1u);
  EXPECT_EQ(x.sum(), 60'004'500'000u);
}

TEST(counter_test, merged_histograms_count_as_one) {
  batch_histogram a;
  batch_histogram b;
  a.observe(1);
  b.observe(2);
  b.observe(40'000);
  a.merge(b);
  EXPECT_EQ(a.in_bucket(0), 1u);
  EXPECT_EQ(a.in_bucket(1), 1u);
  EXPECT_EQ(a.in_bucket(batch_histogram::bounds::count), 1u);
  EXPECT_EQ(a.sum(), 40'003u);
}

/// The bounds that etcd documents.
TEST(counter_test, bounds_are_etcds) {
  EXPECT_EQ(disk_histogram::bounds::bound(13), 8'192 * millisecond);
  EXPECT_EQ(operation_histogram::bounds::bound(0), 100 * microsecond);
  EXPECT_EQ(operation_histogram::bounds::bound(19), 52'428'800 * microsecond);
}

} // namespace
} // namespace troupe::metrics
