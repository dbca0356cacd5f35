#include "actors/raft/leader.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type leader(role_actor::stateful_pointer<leader_state> self,
                                 const std::shared_ptr<role_launch>& launch) {
  return host_role(self, *launch, leader_core{std::move(launch->start.state)});
}

} // namespace troupe::raft
