#pragma once

#include "actors/raft/core/learner_core.hpp"
#include "actors/raft/role_host.hpp"

#include <memory>

namespace troupe::raft {

/// A member without a vote; it follows (thesis 4.2.1).
struct learner_state : role_state<learner_core> {
  static inline const char* name = "raft.learner";
};

/// @param launch its replica is moved from; shared only because a spawn copies its arguments.
role_actor::behavior_type learner(role_actor::stateful_pointer<learner_state> self,
                                  const std::shared_ptr<role_launch>& launch);

} // namespace troupe::raft
