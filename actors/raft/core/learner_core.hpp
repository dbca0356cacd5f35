#pragma once

#include "actors/raft/core/following_core.hpp"

namespace troupe::raft {

/// A member without a vote: a learner, or one that is in no configuration, because it is about to
/// join or was removed. It follows and never campaigns; given a vote, it becomes a follower.
class learner_core final : public following_core {
public:
  explicit learner_core(replica state);

  using following_core::on;
  output on(const tick& passed);
  output on(const link_lost& link);

  raft_status status() const {
    return status_as(raft_role::learner);
  }
};

} // namespace troupe::raft
