#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace troupe::sim {

/// Time since a simulation began; no node's clock shows it.
using sim_time = std::chrono::nanoseconds;

/// What is to happen when; at one moment in the order it was asked for.
class event_queue {
public:
  void at(sim_time when, std::function<void()> what) {
    events_.emplace(when, std::move(what));
  }

  std::optional<sim_time> next() const {
    return events_.empty() ? std::nullopt : std::optional{events_.begin()->first};
  }

  /// Runs the first event that is due. @returns whether there was one.
  bool run_one(sim_time now) {
    if (events_.empty() || events_.begin()->first > now)
      return false;
    auto what = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    what();
    return true;
  }

  void clear() {
    events_.clear();
  }

private:
  std::multimap<sim_time, std::function<void()>> events_;
};

} // namespace troupe::sim
