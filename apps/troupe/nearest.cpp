#include "apps/troupe/nearest.hpp"

#include "apps/troupe/flag_table.hpp"

#include <algorithm>

namespace troupe::options {

// Optimal string alignment distance.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j)
    cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  auto best_edits = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (auto candidate : candidates) {
    auto needed = edits(word, candidate);
    if (needed < best_edits) {
      best = candidate;
      best_edits = needed;
    }
  }
  return best;
}

std::string_view nearest_flag(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& section : flag_sections())
    if (section.group != flag_group::old)
      for (const auto& one : section.flags)
        names.push_back(one.name);
  return nearest(name, names);
}

} // namespace troupe::options
