#pragma once

#include "actors/raft/core/follower_core.hpp"
#include "actors/raft/role_host.hpp"

#include <memory>

namespace troupe::raft {

/// A voter that follows a leader or waits for one (paper 5.2, 5.3).
struct follower_state : role_state<follower_core> {
  static inline const char* name = "raft.follower";
};

/// @param launch its replica is moved from; shared only because a spawn copies its arguments.
role_actor::behavior_type follower(role_actor::stateful_pointer<follower_state> self,
                                   const std::shared_ptr<role_launch>& launch);

} // namespace troupe::raft
