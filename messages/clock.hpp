#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// A point on one node's own time line; two nodes' points do not compare.
using time_point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

/// The only source of time in a node. The daemon's reads CLOCK_MONOTONIC; the simulator's has a
/// rate and an offset per node.
class clock {
public:
  virtual ~clock() = default;

  /// Never goes back. Callable from every thread.
  virtual time_point now() const = 0;

  /// Seconds since 1970, for what is shown to people (logs, metrics); no decision rests on it.
  virtual std::int64_t unix_seconds() const = 0;
};

} // namespace troupe
