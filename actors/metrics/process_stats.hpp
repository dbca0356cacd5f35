#pragma once

#include <cstdint>
#include <optional>

namespace troupe::metrics {

/// What the system says about this process.
struct process_stats {
  /// User and system time.
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
  std::uint64_t threads = 0;
  /// Unix time.
  double start_seconds = 0;
};

/// Nothing where the system has no /proc.
std::optional<process_stats> read_process_stats();

} // namespace troupe::metrics
