#pragma once

#include "actors/metrics/counter.hpp"

#include <cstdint>
#include <initializer_list>
#include <prometheus/metric_family.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::metrics {

/// Label names and values, in the order they are shown.
using label_list = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Collects families of samples for one scrape. `begin` opens a family, to which samples are added;
/// one without samples is not shown. What a name says of its type counts for nothing: etcd has
/// gauges that end in `_total`.
class family_writer {
public:
  void begin(std::string name, std::string help, prometheus::MetricType type);

  /// Of the open family, which is a counter or a gauge.
  void sample(label_list labels, double value);

  /// Of the open family, which is a histogram. `unit` is what one of the histogram's units is in
  /// the metric's: 1e-9 for durations in seconds.
  template <class Bounds>
  void sample(label_list labels, const histogram<Bounds>& values, double unit) {
    samples samples;
    for (std::size_t i = 0; i < Bounds::count; ++i)
      samples.buckets.emplace_back(static_cast<double>(Bounds::bound(i)) * unit,
                                   values.in_bucket(i));
    samples.beyond = values.in_bucket(Bounds::count);
    samples.sum = static_cast<double>(values.sum()) * unit;
    add(labels, samples);
  }

  /// A family with one sample without labels.
  void counter(std::string name, std::string help, std::uint64_t value);
  void gauge(std::string name, std::string help, double value);

  template <class Bounds>
  void histogram_of(std::string name, std::string help, const histogram<Bounds>& values,
                    double unit) {
    begin(std::move(name), std::move(help), prometheus::MetricType::Histogram);
    sample({}, values, unit);
  }

  std::vector<prometheus::MetricFamily> take();

private:
  struct samples {
    /// Upper bound, and how many are in this bucket alone.
    std::vector<std::pair<double, std::uint64_t>> buckets;
    std::uint64_t beyond = 0;
    double sum = 0;
  };

  void add(label_list labels, const samples& values);
  prometheus::ClientMetric& add(label_list labels);

  std::vector<prometheus::MetricFamily> families_;
};

} // namespace troupe::metrics
