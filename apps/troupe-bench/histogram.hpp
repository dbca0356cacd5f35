#pragma once

#include "apps/troupe-bench/pace.hpp"

#include <memory>

namespace troupe::bench {

/// Times from 1 us to 1,000,000 s in steps of 0.2 %, at a constant size of 110 KB whatever is
/// recorded. Shorter times count as 1 us.
class histogram {
public:
  histogram();
  ~histogram();
  histogram(histogram&&) noexcept;
  histogram& operator=(histogram&&) noexcept;

  void record(nanoseconds time);
  void add(const histogram& other);

  std::uint64_t count() const;
  /// The least step's upper end that `share` (in [0, 1]) of the times do not exceed; at most max().
  /// Zero if nothing was recorded.
  nanoseconds quantile(double share) const;
  /// Exact.
  nanoseconds max() const;

private:
  struct buckets;
  std::unique_ptr<buckets> buckets_;
  std::uint64_t count_ = 0;
  nanoseconds max_{0};
};

} // namespace troupe::bench
