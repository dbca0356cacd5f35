#include "apps/troupe-bench/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe::bench {

namespace {

const char* json_suffix(unit in) {
  switch (in) {
  case unit::microseconds:
    return "_us";
  case unit::bytes:
    return "_bytes";
  case unit::seconds:
    return "_seconds";
  case unit::count:
  case unit::per_second:
    return "";
  }
  return "";
}

nlohmann::ordered_json json_value(unit in, double value) {
  switch (in) {
  case unit::seconds:
    return std::round(value * 1e6) / 1e6;
  case unit::per_second:
    return std::round(value * 10) / 10;
  case unit::microseconds:
  case unit::bytes:
  case unit::count:
    return std::llround(value);
  }
  return value;
}

std::string grouped(double value) {
  auto digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string shown(unit in, double value) {
  constexpr double mib = 1 << 20;
  switch (in) {
  case unit::seconds:
    return fmt::format("{:.3f} s", value);
  case unit::per_second:
    return grouped(value) + "/s";
  case unit::microseconds:
    return value < 1000 ? fmt::format("{:.0f} us", value) : fmt::format("{:.2f} ms", value / 1000);
  case unit::bytes:
    return value < mib ? grouped(value) + " bytes" : fmt::format("{:.1f} MiB", value / mib);
  case unit::count:
    return grouped(value);
  }
  return {};
}

double in_us(nanoseconds time) {
  return static_cast<double>(time.count()) * 1e-3;
}

} // namespace

void load_result::fail(const std::string& error) {
  ++failed;
  const bool known = errors.contains(error) || errors.size() < distinct_errors;
  ++errors[known ? error : "other"];
}

void load_result::add(const load_result& other) {
  succeeded += other.succeeded;
  failed += other.failed;
  never_started += other.never_started;
  seconds = std::max(seconds, other.seconds);
  latency.add(other.latency);
  for (const auto& [error, count] : other.errors)
    errors[error] += count;
}

void report::add(std::string section, std::string name, unit in, double value) {
  figures_.push_back({std::move(section), std::move(name), in, value});
}

void report::add(const std::string& section, const load_result& load) {
  const auto calls = static_cast<double>(load.succeeded + load.failed);
  add(section, "calls", unit::count, calls);
  add(section, "failed", unit::count, static_cast<double>(load.failed));
  if (load.never_started > 0)
    add(section, "never started", unit::count, static_cast<double>(load.never_started));
  add(section, "took", unit::seconds, load.seconds);
  add(section, "per second", unit::per_second, load.seconds > 0 ? calls / load.seconds : 0);
  add(section, load.latency);
  for (const auto& [error, count] : load.errors)
    add(section + " errors", error, unit::count, static_cast<double>(count));
}

void report::add(const std::string& section, const histogram& times) {
  add(section, "p50", unit::microseconds, in_us(times.quantile(0.5)));
  add(section, "p90", unit::microseconds, in_us(times.quantile(0.9)));
  add(section, "p99", unit::microseconds, in_us(times.quantile(0.99)));
  add(section, "p99.9", unit::microseconds, in_us(times.quantile(0.999)));
  add(section, "max", unit::microseconds, in_us(times.max()));
}

void report::add(const std::string& section, const process_usage& before,
                 const process_usage& after) {
  add(section, "cpu", unit::seconds, after.cpu_seconds - before.cpu_seconds);
  add(section, "resident before", unit::bytes, before.resident_bytes);
  add(section, "resident", unit::bytes, after.resident_bytes);
}

std::string report::text() const {
  std::size_t width = 0;
  for (const auto& each : figures_)
    width = std::max(width, each.name.size());
  std::string result;
  const std::string* section = nullptr;
  for (const auto& each : figures_) {
    if (section == nullptr || *section != each.section)
      result += fmt::format("{}{}\n", section == nullptr ? "" : "\n", each.section);
    section = &each.section;
    result += fmt::format("  {:{}}  {:>14}\n", each.name, width, shown(each.in, each.value));
  }
  return result;
}

std::string report::json() const {
  auto result = nlohmann::ordered_json::object();
  const auto snake = [](std::string name) {
    std::replace(name.begin(), name.end(), ' ', '_');
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
  };
  for (const auto& each : figures_) {
    // The names below "... errors" are what the server wrote.
    const bool verbatim = each.section.ends_with(" errors");
    const auto name = verbatim ? each.name : snake(each.name) + json_suffix(each.in);
    result[snake(each.section)][name] = json_value(each.in, each.value);
  }
  return result.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

} // namespace troupe::bench
