#include "actors/raft/pre_candidate.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type pre_candidate(role_actor::stateful_pointer<pre_candidate_state> self,
                                        const std::shared_ptr<role_launch>& launch) {
  return host_role(self, *launch, pre_candidate_core{std::move(launch->start.state)});
}

} // namespace troupe::raft
