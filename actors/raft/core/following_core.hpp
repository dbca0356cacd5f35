#pragma once

#include "actors/raft/core/role_core.hpp"

#include <cstdint>
#include <vector>

namespace troupe::raft {

/// The rules of a member that follows a leader or waits for one (paper 5.2, 5.3), whether it has a
/// vote or not: `follower_core` adds how it campaigns, `learner_core` that it does not. It votes
/// when it is asked in either case: the candidate's configuration may be newer (checklist 30).
///
/// What belongs to the leader is forwarded to it while one is known. Reads that were forwarded are
/// asked again at times and answered at the latest after an election timeout; what becomes of
/// proposals says the applier, or the leader's refusal.
class following_core : public role_core {
public:
  /// The first step: hands on what is known to be committed and durable from before.
  output start();

  using role_core::on;
  output on(const request_vote& rpc);
  output on(const request_vote_reply& reply);
  output on(const append& rpc);
  output on(const append_reply& reply);
  output on(const persisted& done);
  output on(const applied& done);
  output on(const propose& request);
  output on(const read_index_request& request);
  output on(const forward_read_reply& reply);
  output on(const link_found& link);

protected:
  following_core(replica state, raft_role role);

  /// Also the end of this role, if the configuration now gives another one.
  output finish(output step);
  /// Ends with what the next role starts from; reads that wait are answered.
  output end(output step, role_change next);
  /// Whether a leader spoke so lately that nobody else has reason to campaign (thesis 4.2.3).
  bool hears_leader() const;
  /// One tick has passed.
  void wait(output& step);
  /// The leader is not to be relied on any more.
  void lose_leader(output& step);

  raft_role role_;
  /// Ticks since a leader spoke or we voted.
  unsigned waited_ = 0;
  unsigned election_timeout_;

private:
  struct forwarded_read {
    std::uint64_t round;
    /// In ticks.
    unsigned waited;
  };

  void adopt_if_newer(term_t theirs, output& step);
  void hear_from(member_id leader);
  /// Appends what is new in `rpc`, whose `prev` we hold; keeps everything that does not conflict.
  void take_entries(const append& rpc);
  /// The last index up to which our log may equal that of a leader that has `prev`.
  log_index meeting_hint(entry_id prev) const;
  void forward(const propose& request, output& step) const;
  void forward(const forwarded_read& read, output& step) const;
  void fail_reads(output& step);

  std::vector<forwarded_read> reads_;
};

} // namespace troupe::raft
