#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/progress.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace troupe::raft {

/// The rules of a member that leads (paper 5.3, 5.4, 8). After a step with `next_role` the core is
/// empty and takes no further one.
class leader_core {
public:
  explicit leader_core(replica state);

  /// The first step: opens the term with an entry of its own, by which entries of older terms get
  /// committed and reads become possible (paper 8).
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

  /// The other voters.
  const std::map<member_id, progress>& followers() const {
    return followers_;
  }

  raft_status status() const;

private:
  output finish(output step);
  output follow();

  bool overloaded(const propose& request) const;
  void append_to_log(proposal what);
  /// Commits what a quorum has on disk, if it is of our term (paper 5.4.2).
  void advance_commit(output& step);

  bool has_committed_in_term() const;
  /// Answers the reads whose round is complete, and begins the next round if reads wait for it.
  void serve_reads(output& step);
  void finish_read_round(output& step);

  /// Sends what the follower lacks, if it may be sent anything now.
  void replicate_to(member_id id, output& step);
  /// Followers apply as soon as they know that they may: sends the commit index if it is news.
  void tell_commit_to(member_id id, output& step);
  /// Sends an append to everyone, with entries where it may carry some.
  void speak_to_all(output& step);
  append append_for(progress& follower);

  replica state_;
  std::map<member_id, progress> followers_;
  unsigned since_heartbeat_ = 0;
  /// Payload of what is in the log but not committed.
  std::size_t uncommitted_bytes_ = 0;

  // Reads (thesis 6.4). Each round has an id of its own; it serves the reads that came before it
  // began.
  std::uint64_t read_round_ = 0;
  log_index read_round_index_;
  std::vector<std::uint64_t> reads_in_round_;
  std::vector<std::uint64_t> reads_waiting_;
};

} // namespace troupe::raft
