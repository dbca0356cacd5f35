#pragma once

#include "messages/membership.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace troupe::raft {

/// Who decides: the voters of a configuration and, while it is joint, those of the one before as
/// well. Both in ascending order.
struct electorate {
  std::vector<member_id> incoming;
  /// Empty unless the configuration is joint.
  std::vector<member_id> outgoing;

  bool contains(member_id id) const {
    return std::ranges::binary_search(incoming, id) || std::ranges::binary_search(outgoing, id);
  }
};

electorate electorate_of(const configuration& what);

/// How many of so many voters make a majority; two majorities always share a member.
constexpr std::size_t majority_of(std::size_t voters) {
  return voters / 2 + 1;
}

/// Whether `agrees(voter)` holds for a majority; never of nobody.
template <class Predicate>
bool is_majority(const std::vector<member_id>& voters, Predicate agrees) {
  const auto count = std::ranges::count_if(voters, agrees);
  return static_cast<std::size_t>(count) >= majority_of(voters.size());
}

/// Whether it holds for enough voters to decide: in a joint configuration for a majority of either
/// half (checklist 28).
template <class Predicate>
bool is_quorum(const electorate& voters, Predicate agrees) {
  return is_majority(voters.incoming, agrees)
         && (voters.outgoing.empty() || is_majority(voters.outgoing, agrees));
}

/// The largest of the values that a majority has reached, by `value_of(voter)`; of nobody the
/// smallest. Few voters: comparing all with all needs no memory.
template <class ValueOf>
auto reached_by_majority(const std::vector<member_id>& voters, ValueOf value_of) {
  using value = decltype(value_of(member_id{}));
  value best{};
  for (auto voter : voters) {
    const value candidate = value_of(voter);
    if (best < candidate
        && is_majority(voters, [&](member_id id) { return !(value_of(id) < candidate); }))
      best = candidate;
  }
  return best;
}

/// The largest value that enough voters to decide have reached.
template <class ValueOf>
auto reached_by_quorum(const electorate& voters, ValueOf value_of) {
  const auto incoming = reached_by_majority(voters.incoming, value_of);
  return voters.outgoing.empty()
           ? incoming
           : std::min(incoming, reached_by_majority(voters.outgoing, value_of));
}

} // namespace troupe::raft
