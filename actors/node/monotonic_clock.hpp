#pragma once

#include "messages/clock.hpp"

#include <chrono>

namespace troupe {

/// The machine's CLOCK_MONOTONIC.
class monotonic_clock : public clock {
public:
  time_point now() const override {
    return std::chrono::steady_clock::now();
  }

  std::int64_t unix_seconds() const override {
    auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
  }
};

} // namespace troupe
