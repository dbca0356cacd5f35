#include "apps/troupe-bench/histogram.hpp"

#include <algorithm>
#include <boost/histogram/axis/regular.hpp>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/indexed.hpp>
#include <boost/histogram/make_histogram.hpp>
#include <vector>

namespace troupe::bench {

namespace {

namespace bh = boost::histogram;

constexpr double first_us = 1.0, last_us = 1e12;
constexpr int steps = 13'829; // ln(last / first) / ln(1.002)

using log_axis = bh::axis::regular<double, bh::axis::transform::log>;

auto make_buckets() {
  return bh::make_histogram_with(std::vector<std::uint64_t>{}, log_axis{steps, first_us, last_us});
}

} // namespace

struct histogram::buckets {
  decltype(make_buckets()) counts = make_buckets();
};

histogram::histogram() : buckets_{std::make_unique<buckets>()} {}

histogram::~histogram() = default;
histogram::histogram(histogram&&) noexcept = default;
histogram& histogram::operator=(histogram&&) noexcept = default;

void histogram::record(nanoseconds time) {
  const auto us = std::clamp(static_cast<double>(time.count()) * 1e-3, first_us, last_us * 0.999);
  buckets_->counts(us);
  ++count_;
  max_ = std::max(max_, time);
}

void histogram::add(const histogram& other) {
  buckets_->counts += other.buckets_->counts;
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t histogram::count() const {
  return count_;
}

nanoseconds histogram::quantile(double share) const {
  const auto wanted = std::max<std::uint64_t>(
    1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (const auto& step : bh::indexed(buckets_->counts)) {
    seen += *step;
    const bool last = step.index() + 1 == steps; // also has what is longer
    if (seen >= wanted && !last)
      return std::min(max_, nanoseconds{std::llround(step.bin().upper() * 1e3)});
  }
  return max_;
}

nanoseconds histogram::max() const {
  return max_;
}

} // namespace troupe::bench
