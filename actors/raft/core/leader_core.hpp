#pragma once

#include "actors/raft/core/progress.hpp"
#include "actors/raft/core/read_rounds.hpp"
#include "actors/raft/core/role_core.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace troupe::raft {

/// The rules of a member that leads (paper 5.3, 5.4, 6, 8). It gives up when it has not heard of a
/// quorum for an election timeout, when its disk has not answered for two, and when a configuration
/// without it is committed.
class leader_core final : public role_core {
public:
  explicit leader_core(replica state);

  /// The first step: opens the term with an entry of its own, by which entries of older terms get
  /// committed and reads become possible (paper 8).
  output start();

  using role_core::on;
  output on(const request_vote& rpc);
  output on(const request_vote_reply& reply);
  output on(const append& rpc);
  output on(const append_reply& reply);
  output on(const persisted& done);
  output on(const applied& done);
  output on(const tick& passed);
  output on(const propose& request);
  output on(const forward_propose& request);
  output on(const read_index_request& request);
  output on(const forward_read& request);
  output on(const transfer_leadership& request);
  output on(const link_lost& link);
  output on(const link_found& link);
  output on(const snapshot_result& result);

  /// The other members, and those that left and have yet to hear so.
  const std::map<member_id, progress>& followers() const {
    return followers_;
  }

  raft_status status() const {
    return status_as(raft_role::leader);
  }

private:
  /// A handover under way; no proposal is taken meanwhile.
  struct transfer {
    std::uint64_t request;
    member_id to;
    std::uint64_t since;
    bool asked;
  };

  output finish(output step);
  output follow();
  /// Ends the role with a finished step; everybody who waits is told. @param repeat the next role
  /// takes the message again. @param handed_over by the transfer under way.
  output end(output step, bool repeat, bool handed_over);

  // Proposals.
  void take(const std::vector<proposal>& proposals, member_id from, boot_count boot, output& step);
  errc refusal_of(const std::vector<proposal>& proposals) const;
  errc change_membership(const proposal& change, const entry_origin& origin);
  void append_to_log(entry_kind kind, const entry_origin& origin, blob payload);
  bool overloaded(const std::vector<proposal>& proposals) const;

  // Commit.
  /// Commits what a quorum has on disk, if it is of our term (paper 5.4.2).
  void advance_commit(output& step);
  bool has_committed_in_term() const;

  // Configurations.
  /// Follows the configuration in force: who is new is probed from `next` on, who is not in it any
  /// more leaves.
  void meet_followers(log_index next);
  /// Leaves a joint configuration that everybody decides by (paper 6).
  void leave_joint_if_ready(output& step);
  /// A committed configuration without us ends the role.
  bool is_dismissed() const;
  output dismiss(output step);

  // Time.
  bool was_heard(const progress& follower) const;
  bool hears_quorum() const;
  bool disk_hangs();
  void drop_who_left();

  // Reads.
  void await(waiting_read read, output& step);
  /// Answers the reads whose round is complete, and begins the next round if reads wait for it.
  void serve_reads(output& step);
  void finish_read_round(output& step);
  void answer(const waiting_read& read, errc error, log_index index, output& step) const;

  // Transfer.
  void hand_over_if_ready(output& step);

  // Replication.
  /// Sends what the follower lacks, if it may be sent anything now.
  void replicate_to(member_id id, progress& follower, output& step);
  /// Followers apply as soon as they know that they may: sends the commit index if it is news.
  void tell_commit_to(member_id id, progress& follower, output& step);
  /// Sends an append to everyone, with entries where it may carry some.
  void speak_to_all(output& step);
  append append_for(progress& follower);
  /// Whether the next entry to send is not kept any more.
  bool lacks_entries_for(const progress& follower) const;
  void want_snapshot_for(member_id id, progress& follower, output& step);
  /// Entries behind it are kept for those who wait for a snapshot, or catch up behind one.
  log_index kept_behind();

  member_id self_;
  flight_limits limits_;
  std::map<member_id, progress> followers_;
  /// In ticks, since the role began.
  std::uint64_t now_ = 0;
  unsigned since_heartbeat_ = 0;
  /// Payload of what is in the log but not committed.
  std::size_t uncommitted_bytes_ = 0;
  read_rounds reads_;
  std::optional<transfer> transfer_;
  /// The newest write that the disk has answered, and since when it has not answered the next.
  std::uint64_t disk_answered_ = 0;
  unsigned disk_silent_ = 0;
};

} // namespace troupe::raft
