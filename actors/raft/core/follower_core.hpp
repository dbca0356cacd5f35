#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

namespace troupe::raft {

/// The rules of a member that follows a leader or waits for one (paper 5.2, 5.3). After a step with
/// `next_role` the core is empty and takes no further one.
class follower_core {
public:
  explicit follower_core(replica state);

  /// The first step: hands on what is known to be committed and durable from before.
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
  void adopt_if_newer(term_t theirs);
  void hear_from(member_id leader);
  /// Appends what is new in `rpc`, whose `prev` we hold; keeps everything that does not conflict.
  void take_entries(const append& rpc);
  /// The last index up to which our log may equal that of a leader that has `prev`.
  log_index meeting_hint(entry_id prev) const;

  replica state_;
  /// The leader of the present term; 0 until it speaks.
  member_id leader_;
  /// Ticks since a leader spoke or we voted.
  unsigned waited_ = 0;
  unsigned election_timeout_;
};

} // namespace troupe::raft
