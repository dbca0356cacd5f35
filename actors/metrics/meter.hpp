#pragma once

#include "actors/metrics/counters.hpp"
#include "messages/clock.hpp"

#include <chrono>
#include <memory>
#include <utility>

namespace troupe::metrics {

/// What an actor needs to count and to time what it does. The default one counts for nobody and
/// finds that everything takes no time.
class meter {
public:
  meter() : meter(nullptr, std::make_shared<node_counters>()) {}

  /// @param time null: time stands still.
  meter(std::shared_ptr<const clock> time, std::shared_ptr<node_counters> counters)
      : time_(std::move(time)), counters_(std::move(counters)) {}

  time_point now() const {
    return time_ ? time_->now() : time_point{};
  }

  std::chrono::nanoseconds since(time_point start) const {
    return now() - start;
  }

  node_counters* operator->() const {
    return counters_.get();
  }

private:
  std::shared_ptr<const clock> time_;
  std::shared_ptr<node_counters> counters_;
};

} // namespace troupe::metrics
