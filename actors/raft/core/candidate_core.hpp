#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

#include <cstdint>
#include <set>

namespace troupe::raft {

/// The rules of a member that asks for votes (paper 5.2). After a step with `next_role` the core is
/// empty and takes no further one.
class candidate_core {
public:
  explicit candidate_core(replica state);

  /// The first step: a new term, our own vote, and the request for the others'. Nothing leaves
  /// before both are on disk.
  output start();

  output on(const request_vote& rpc);
  output on(const request_vote_reply& reply);
  output on(const append& rpc);
  output on(const append_reply& reply);
  output on(const persisted& done);
  output on(const applied& done);
  output on(const tick& passed);
  output on(const propose& request);
  output on(const read_index_request& request);

  const replica& state() const {
    return state_;
  }

  raft_status status() const;

private:
  output finish(output step);
  output follow();
  output campaign();
  output lead_if_elected(output step);

  replica state_;
  std::set<member_id> votes_;
  /// The write that holds our own vote; it counts once it is on disk.
  std::uint64_t own_vote_batch_ = 0;
  unsigned waited_ = 0;
  unsigned election_timeout_ = 0;
};

} // namespace troupe::raft
