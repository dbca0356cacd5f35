#pragma once

#include "actors/raft/core/leader_core.hpp"
#include "actors/raft/role_host.hpp"

#include <memory>

namespace troupe::raft {

/// The one member that appends to the log in its term (paper 5.3, 5.4).
struct leader_state : role_state<leader_core> {
  static inline const char* name = "raft.leader";
};

/// @param launch its replica is moved from; shared only because a spawn copies its arguments.
role_actor::behavior_type leader(role_actor::stateful_pointer<leader_state> self,
                                 const std::shared_ptr<role_launch>& launch);

} // namespace troupe::raft
