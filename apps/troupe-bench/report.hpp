#pragma once

#include "apps/troupe-bench/histogram.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe::bench {

/// What became of the calls of one load.
struct load_result {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  /// Open loop: calls that were due and could not be started before the end. `latency` has them
  /// with the time they had waited by then.
  std::uint64_t never_started = 0;
  double seconds = 0;
  histogram latency; // of all three
  /// How many failed with each status and text; at most `distinct_errors`, the rest under "other".
  std::map<std::string, std::uint64_t> errors;

  static constexpr std::size_t distinct_errors = 20;

  void fail(const std::string& error);
  /// Loads that ran beside each other: calls add up, the longer time counts.
  void add(const load_result& other);
};

/// What a process has used so far; see server_usage.hpp.
struct process_usage {
  double cpu_seconds = 0;
  double resident_bytes = 0;
};

enum class unit : std::uint8_t { count, seconds, microseconds, bytes, per_second };

/// The figures of a run, in sections, as lines for people or as one line of JSON for scripts:
/// {"put":{"calls":100000,...,"p50_us":14100,...},"server":{...}}. JSON names carry the unit.
class report {
public:
  void add(std::string section, std::string name, unit in, double value);
  void add(const std::string& section, const load_result& load);
  /// Count, p50, p90, p99, p99.9 and max.
  void add(const std::string& section, const histogram& times);
  void add(const std::string& section, const process_usage& before, const process_usage& after);

  std::string text() const;
  std::string json() const;

private:
  struct figure {
    std::string section, name;
    unit in;
    double value;
  };

  std::vector<figure> figures_;
};

} // namespace troupe::bench
