#pragma once

#include "actors/raft/core/following_core.hpp"

namespace troupe::raft {

/// A voter that follows a leader or waits for one, and campaigns when it waits in vain (paper 5.2).
class follower_core final : public following_core {
public:
  explicit follower_core(replica state);

  using following_core::on;
  output on(const tick& passed);
  /// The leader hands over: no question beforehand, and the voters need not wait for its silence.
  output on(const timeout_now& rpc);
  /// The leader's process or its host may be gone: asks for pre-votes after a short pause drawn by
  /// chance (`replica::draw_short_pause`). If the leader lives, those who hear it say so.
  output on(const link_lost& link);

  raft_status status() const {
    return status_as(raft_role::follower);
  }
};

} // namespace troupe::raft
