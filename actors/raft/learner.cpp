#include "actors/raft/learner.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type learner(role_actor::stateful_pointer<learner_state> self,
                                  const std::shared_ptr<role_launch>& launch) {
  return host_role(self, *launch, learner_core{std::move(launch->start.state)});
}

} // namespace troupe::raft
