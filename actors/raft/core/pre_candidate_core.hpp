#pragma once

#include "actors/raft/core/role_core.hpp"

#include <set>

namespace troupe::raft {

/// The rules of a voter that asks whether it could win an election, before it raises the term for
/// one (thesis 9.6): who was cut off does not disturb when it comes back.
class pre_candidate_core final : public role_core {
public:
  explicit pre_candidate_core(replica state);

  /// The first step: the question to the other voters. It promises nothing and waits for nothing.
  output start();

  using role_core::on;
  output on(const request_vote& rpc);
  output on(const request_vote_reply& reply);
  output on(const append& rpc);
  output on(const append_reply& reply);
  output on(const persisted& done);
  output on(const tick& passed);
  output on(const link_found& link);

  raft_status status() const {
    return status_as(raft_role::pre_candidate);
  }

private:
  output ask();
  output follow(bool repeat);

  /// Who would vote for us in the next term; we would, for what it counts.
  std::set<member_id> votes_;
  unsigned waited_ = 0;
  unsigned election_timeout_ = 0;
};

} // namespace troupe::raft
