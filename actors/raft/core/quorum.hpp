#pragma once

#include "messages/ids.hpp"

#include <cstddef>
#include <map>
#include <set>

namespace troupe::raft {

/// How many of `voters` make a majority; two majorities always share a member.
inline std::size_t majority_of(const std::set<member_id>& voters) {
  return voters.size() / 2 + 1;
}

/// Whether a majority of the voters is among `members`; others in it do not count.
bool is_quorum(const std::set<member_id>& voters, const std::set<member_id>& members);

/// The largest value that a majority of the voters has reached; who is not in `values` has reached
/// none, `Value{}`.
template <class Value>
Value reached_by_quorum(const std::set<member_id>& voters,
                        const std::map<member_id, Value>& values);

} // namespace troupe::raft
