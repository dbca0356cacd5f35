#include "actors/raft/core/quorum.hpp"

namespace troupe::raft {

electorate electorate_of(const configuration& what) {
  electorate result;
  for (const auto& [id, member] : what.members)
    if (!member.is_learner)
      result.incoming.push_back(id);
  for (const auto& [id, member] : what.outgoing)
    result.outgoing.push_back(id);
  return result;
}

} // namespace troupe::raft
