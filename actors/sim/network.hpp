#pragma once

#include "actors/sim/event_queue.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace troupe::sim {

/// Numbers the nodes of a simulation from 1; 0 means none, or every one.
using node_number = unsigned;

/// How one direction between two nodes treats what is sent.
struct link_weather {
  bool cut = false;
  /// Of 100 messages.
  unsigned drop_percent = 0;
  unsigned duplicate_percent = 0;
  /// A message takes between `delay` and `delay + jitter`.
  sim_time delay = std::chrono::microseconds{200};
  sim_time jitter = std::chrono::milliseconds{1};
  /// Messages may pass each other; else each arrives after those before it.
  bool reorders = false;
};

/// Says what becomes of each message; knows nothing of what it holds. Same seed and same messages,
/// same fates.
class network {
public:
  explicit network(std::uint64_t seed) : random_(seed) {}

  /// When the copies of a message that leaves now arrive; none if it is lost.
  /// @param once it is of the kind that no link may double.
  std::vector<sim_time> send(node_number from, node_number to, sim_time now, bool once);

  link_weather& link(node_number from, node_number to) {
    return links_[{from, to}].weather;
  }

  /// All links are as they were made.
  void heal();

private:
  struct state {
    link_weather weather;
    sim_time last_arrival{0};
  };

  bool percent(unsigned p) {
    return random_() % 100 < p;
  }

  std::mt19937_64 random_;
  std::map<std::pair<node_number, node_number>, state> links_;
};

} // namespace troupe::sim
