#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>

namespace troupe::bench {

using clock = std::chrono::steady_clock;
using instant = clock::time_point;
using nanoseconds = std::chrono::nanoseconds;

inline nanoseconds seconds_of(double seconds) {
  return nanoseconds{std::llround(seconds * 1e9)};
}

inline double in_seconds(nanoseconds span) {
  return static_cast<double>(span.count()) * 1e-9;
}

/// When the calls of a load are meant to start. At a fixed rate (open loop) call i is meant for
/// start + i / rate whatever became of the calls before it: its latency counts from there, so that
/// a server that stands still for a second is seen by every call of that second and not only by
/// those that were under way (coordinated omission). Without a rate (closed loop) every call is due
/// at once and its latency counts from when it is sent.
class pace {
public:
  /// `per_second` 0: closed loop.
  pace(instant start, double per_second) : start_{start}, per_second_{per_second} {}

  bool open_loop() const {
    return per_second_ > 0;
  }

  /// Open loop only.
  instant intended(std::uint64_t call) const {
    return start_
           + nanoseconds{
             static_cast<std::int64_t>(std::ceil(static_cast<double>(call) * 1e9 / per_second_))};
  }

  /// How many calls are meant to have started by `now`: call i is among them from intended(i) on.
  std::uint64_t due(instant now) const {
    if (!open_loop())
      return std::numeric_limits<std::uint64_t>::max();
    if (now < start_)
      return 0;
    const auto elapsed = std::chrono::duration<double>(now - start_).count();
    auto count = static_cast<std::uint64_t>(elapsed * per_second_) + 1;
    while (count > 0 && intended(count - 1) > now) // the product above is rounded
      --count;
    while (intended(count) <= now)
      ++count;
    return count;
  }

private:
  instant start_;
  double per_second_;
};

} // namespace troupe::bench
