#pragma once

#include "actors/raft/core/pre_candidate_core.hpp"
#include "actors/raft/role_host.hpp"

#include <memory>

namespace troupe::raft {

/// A voter that asks whether it could win an election (thesis 9.6).
struct pre_candidate_state : role_state<pre_candidate_core> {
  static inline const char* name = "raft.pre_candidate";
};

/// @param launch its replica is moved from; shared only because a spawn copies its arguments.
role_actor::behavior_type pre_candidate(role_actor::stateful_pointer<pre_candidate_state> self,
                                        const std::shared_ptr<role_launch>& launch);

} // namespace troupe::raft
