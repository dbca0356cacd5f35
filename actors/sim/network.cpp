#include "actors/sim/network.hpp"

#include <algorithm>

namespace troupe::sim {

std::vector<sim_time> network::send(node_number from, node_number to, sim_time now, bool once) {
  auto& [weather, last_arrival] = links_[{from, to}];
  if (weather.cut || percent(weather.drop_percent))
    return {};
  std::vector<sim_time> arrivals;
  const bool doubled = percent(weather.duplicate_percent) && !once;
  for (auto copies = doubled ? 2 : 1; copies > 0; --copies) {
    auto spread = static_cast<std::uint64_t>(weather.jitter.count()) + 1;
    auto arrival = now + weather.delay + sim_time{static_cast<std::int64_t>(random_() % spread)};
    if (!weather.reorders)
      arrival = std::max(arrival, last_arrival);
    last_arrival = std::max(last_arrival, arrival);
    arrivals.push_back(arrival);
  }
  return arrivals;
}

void network::heal() {
  for (auto& [ends, link] : links_)
    link.weather = {};
}

} // namespace troupe::sim
