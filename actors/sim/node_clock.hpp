#pragma once

#include "actors/sim/event_queue.hpp"
#include "messages/clock.hpp"

#include <cstdint>

namespace troupe::sim {

/// The time line of one node: it has an offset and a rate of its own, and jumps. Never goes back.
class node_clock final : public clock {
public:
  static constexpr std::int64_t true_rate = 1'000'000;

  /// @param source the time of the simulation; outlives the clock.
  node_clock(const sim_time& source, sim_time offset) : source_(source), base_(offset) {}

  time_point now() const override {
    return time_point{base_ + (source_ - since_) * rate_ / true_rate};
  }

  std::int64_t unix_seconds() const override {
    constexpr std::int64_t start = 1'700'000'000;
    return start + std::chrono::floor<std::chrono::seconds>(now().time_since_epoch()).count();
  }

  /// @param rate local seconds in a million true ones; above 0.
  void set_rate(std::int64_t rate) {
    base_ = now().time_since_epoch();
    since_ = source_;
    rate_ = rate;
  }

  /// @param by not negative.
  void jump(sim_time by) {
    base_ += by;
  }

  /// How long `local` takes on the simulation's clock.
  sim_time true_span(sim_time local) const {
    return local * true_rate / rate_;
  }

private:
  const sim_time& source_;
  sim_time base_;
  sim_time since_{0};
  std::int64_t rate_ = true_rate;
};

} // namespace troupe::sim
