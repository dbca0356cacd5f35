#include "actors/raft/follower.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type follower(role_actor::stateful_pointer<follower_state> self,
                                   const std::shared_ptr<role_launch>& launch) {
  return host_role(self, *launch, follower_core{std::move(launch->start.state)});
}

} // namespace troupe::raft
