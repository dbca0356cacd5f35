#include "actors/metrics/family_writer.hpp"

#include <cmath>
#include <limits>

namespace troupe::metrics {

namespace {

/// Clears the last digits, which come from multiplying by a decimal fraction: 0.064, not
/// 0.064000000000000001.
double rounded(double bound) {
  if (bound == 0)
    return bound;
  auto scale = std::pow(10.0, 12 - std::ceil(std::log10(bound)));
  return std::round(bound * scale) / scale;
}

} // namespace

void family_writer::begin(std::string name, std::string help, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  families_.push_back(std::move(family));
}

prometheus::ClientMetric& family_writer::add(label_list labels) {
  auto& metric = families_.back().metric.emplace_back();
  for (const auto& [name, value] : labels)
    metric.label.push_back({std::string{name}, std::string{value}});
  return metric;
}

void family_writer::sample(label_list labels, double value) {
  auto& metric = add(labels);
  if (families_.back().type == prometheus::MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
}

void family_writer::add(label_list labels, const samples& values) {
  auto& shown = add(labels).histogram;
  std::uint64_t below = 0;
  for (const auto& [bound, count] : values.buckets) {
    below += count;
    shown.bucket.push_back({below, rounded(bound)});
  }
  below += values.beyond;
  shown.bucket.push_back({below, std::numeric_limits<double>::infinity()});
  shown.sample_count = below;
  shown.sample_sum = values.sum;
}

void family_writer::counter(std::string name, std::string help, std::uint64_t value) {
  begin(std::move(name), std::move(help), prometheus::MetricType::Counter);
  sample({}, static_cast<double>(value));
}

void family_writer::gauge(std::string name, std::string help, double value) {
  begin(std::move(name), std::move(help), prometheus::MetricType::Gauge);
  sample({}, value);
}

std::vector<prometheus::MetricFamily> family_writer::take() {
  std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
  return std::move(families_);
}

} // namespace troupe::metrics
