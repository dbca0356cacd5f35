#pragma once

#include "actors/raft/core/role_core.hpp"

#include <cstdint>
#include <set>

namespace troupe::raft {

/// The rules of a member that asks for votes (paper 5.2).
class candidate_core final : public role_core {
public:
  /// @param transfer the leader asked for this campaign (thesis 3.10).
  explicit candidate_core(replica state, bool transfer = false);

  /// The first step: a new term, our own vote, and the request for the others'. Nothing leaves
  /// before both are on disk.
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
    return status_as(raft_role::candidate);
  }

private:
  output follow();
  output campaign();
  output lead_if_elected(output step);

  bool transfer_;
  std::set<member_id> votes_;
  /// The write that holds our own vote; it counts once it is on disk.
  std::uint64_t own_vote_batch_ = 0;
  unsigned waited_ = 0;
  unsigned election_timeout_ = 0;
};

} // namespace troupe::raft
