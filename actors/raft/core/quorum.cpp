#include "actors/raft/core/quorum.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace troupe::raft {

bool is_quorum(const std::set<member_id>& voters, const std::set<member_id>& members) {
  auto votes = std::count_if(voters.begin(), voters.end(),
                             [&](member_id voter) { return members.contains(voter); });
  return static_cast<std::size_t>(votes) >= majority_of(voters);
}

template <class Value>
Value reached_by_quorum(const std::set<member_id>& voters,
                        const std::map<member_id, Value>& values) {
  std::vector<Value> reached;
  for (auto voter : voters) {
    auto found = values.find(voter);
    reached.push_back(found == values.end() ? Value{} : found->second);
  }
  // For example 7 5 5 2 1: the third of five is the largest that three have reached.
  auto nth = reached.begin() + static_cast<std::ptrdiff_t>(majority_of(voters) - 1);
  std::nth_element(reached.begin(), nth, reached.end(), std::greater<>{});
  return *nth;
}

template log_index reached_by_quorum(const std::set<member_id>&,
                                     const std::map<member_id, log_index>&);
template std::uint64_t reached_by_quorum(const std::set<member_id>&,
                                         const std::map<member_id, std::uint64_t>&);

} // namespace troupe::raft
