#include "actors/raft/candidate.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type candidate(role_actor::stateful_pointer<candidate_state> self,
                                    const std::shared_ptr<role_launch>& launch) {
  return host_role(self, *launch,
                   candidate_core{std::move(launch->start.state), launch->start.transfer});
}

} // namespace troupe::raft
