#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

namespace troupe::raft {

/// What all roles share, and how each deals with what is not for it: nothing waits for an answer in
/// vain. A role says what it does otherwise. After a step with `next_role` the core is empty and
/// takes no further one.
class role_core {
public:
  output on(const applied& done);

  // Without a leader nothing gets into the log and no read is current.
  output on(const propose& request);
  output on(const read_index_request& request);

  // Of other members, which took us for the leader.
  output on(const forward_propose& request);
  output on(const forward_read& request);

  /// The leader took none of these of ours.
  output on(const forward_refused& refused);
  output on(const forward_read_reply& reply);

  output on(const timeout_now& rpc);
  output on(const transfer_leadership& request);
  output on(const link_lost& link);
  output on(const link_found& link);
  output on(const snapshot_result& result);

  const replica& state() const {
    return state_;
  }

protected:
  explicit role_core(replica state);
  ~role_core() = default;
  role_core(role_core&&) = default;
  role_core& operator=(role_core&&) = default;

  output finish(output step);
  raft_status status_as(raft_role role) const;

  replica state_;
};

} // namespace troupe::raft
