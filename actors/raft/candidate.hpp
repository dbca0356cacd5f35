#pragma once

#include "actors/raft/core/candidate_core.hpp"
#include "actors/raft/role_host.hpp"

#include <memory>

namespace troupe::raft {

/// A member that asks the others for their votes (paper 5.2).
struct candidate_state : role_state<candidate_core> {
  static inline const char* name = "raft.candidate";
};

/// @param launch its replica is moved from; shared only because a spawn copies its arguments.
role_actor::behavior_type candidate(role_actor::stateful_pointer<candidate_state> self,
                                    const std::shared_ptr<role_launch>& launch);

} // namespace troupe::raft
