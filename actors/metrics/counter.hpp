#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::metrics {

/// A number that only grows. Any thread adds, any thread reads; orders nothing else.
class counter {
public:
  void add(std::uint64_t n = 1) {
    value_.fetch_add(n, std::memory_order_relaxed);
  }

  /// The same, cheaper, for a counter that only this thread adds to.
  void add_alone(std::uint64_t n = 1) {
    value_.store(value() + n, std::memory_order_relaxed);
  }

  std::uint64_t value() const {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that moves both ways.
class gauge {
public:
  void set(std::int64_t n) {
    value_.store(n, std::memory_order_relaxed);
  }

  void add(std::int64_t n) {
    value_.fetch_add(n, std::memory_order_relaxed);
  }

  std::int64_t value() const {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<std::int64_t> value_{0};
};

/// Buckets with the upper bounds First, 2 * First, ..., Count of them, and one for what is larger.
/// A value is in the first bucket whose bound it does not exceed.
template <std::uint64_t First, std::size_t Count>
struct doubling_bounds {
  static constexpr std::size_t count = Count;

  static constexpr std::uint64_t bound(std::size_t bucket) {
    return First << bucket;
  }

  /// At most `count`.
  static constexpr std::size_t bucket_of(std::uint64_t value) {
    auto bucket = value == 0 ? 0 : static_cast<std::size_t>(std::bit_width((value - 1) / First));
    return bucket < Count ? bucket : Count;
  }
};

/// Buckets with the upper bounds that are listed, in ascending order.
template <std::uint64_t... Bounds>
struct listed_bounds {
  static constexpr std::array<std::uint64_t, sizeof...(Bounds)> bounds{Bounds...};
  static constexpr std::size_t count = sizeof...(Bounds);

  static constexpr std::uint64_t bound(std::size_t bucket) {
    return bounds[bucket];
  }

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    std::size_t bucket = 0;
    while (bucket < count && value > bounds[bucket])
      ++bucket;
    return bucket;
  }
};

/// How often values fell into each bucket, and their sum. Observing costs two additions; a reader
/// may see one of them without the other.
template <class Bounds>
class histogram {
public:
  using bounds = Bounds;

  void observe(std::uint64_t value) {
    buckets_[Bounds::bucket_of(value)].add();
    sum_.add(value);
  }

  /// Durations are counted in nanoseconds; one below zero counts as zero.
  void observe(std::chrono::nanoseconds duration) {
    observe(nanoseconds_of(duration));
  }

  /// The same, cheaper, for a histogram that only this thread adds to.
  void observe_alone(std::chrono::nanoseconds duration) {
    auto value = nanoseconds_of(duration);
    buckets_[Bounds::bucket_of(value)].add_alone();
    sum_.add_alone(value);
  }

  /// Adds what another one has seen.
  void merge(const histogram& other) {
    for (std::size_t i = 0; i <= Bounds::count; ++i)
      buckets_[i].add(other.in_bucket(i));
    sum_.add(other.sum());
  }

  /// How many values were in this bucket alone; bucket `Bounds::count` holds what is beyond the
  /// last bound.
  std::uint64_t in_bucket(std::size_t bucket) const {
    return buckets_[bucket].value();
  }

  std::uint64_t sum() const {
    return sum_.value();
  }

private:
  static std::uint64_t nanoseconds_of(std::chrono::nanoseconds duration) {
    auto count = duration.count();
    return count > 0 ? static_cast<std::uint64_t>(count) : 0;
  }

  std::array<counter, Bounds::count + 1> buckets_;
  counter sum_;
};

inline constexpr std::uint64_t microsecond = 1'000;
inline constexpr std::uint64_t millisecond = 1'000'000;

/// 1 ms to 8.2 s: etcd's buckets for the disk.
using disk_histogram = histogram<doubling_bounds<millisecond, 14>>;

/// 100 us to 52 s: etcd's buckets for what happens in memory.
using operation_histogram = histogram<doubling_bounds<100 * microsecond, 20>>;

/// 100 ms to 410 s: etcd's buckets for a defragmentation.
using defragment_histogram = histogram<doubling_bounds<100 * millisecond, 13>>;

/// 10 ms to 164 s: etcd's buckets for hashing a store.
using hash_histogram = histogram<doubling_bounds<10 * millisecond, 15>>;

/// 5 ms to 10 s: the default buckets of gRPC's server metrics.
using call_histogram = histogram<
  listed_bounds<5 * millisecond, 10 * millisecond, 25 * millisecond, 50 * millisecond,
                100 * millisecond, 250 * millisecond, 500 * millisecond, 1000 * millisecond,
                2500 * millisecond, 5000 * millisecond, 10000 * millisecond>>;

/// 1 to 32768 things at a time.
using batch_histogram = histogram<doubling_bounds<1, 16>>;

/// 1 to 8388608 seconds: etcd's buckets for the TTLs of leases.
using ttl_histogram = histogram<doubling_bounds<1, 24>>;

/// 256 bytes to 8 MiB at a time.
using bytes_histogram = histogram<doubling_bounds<256, 16>>;

} // namespace troupe::metrics
