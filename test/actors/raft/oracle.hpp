#pragma once

#include "test/actors/raft/core_cluster.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::raft {

/// What the oracle saw must never happen.
class violation : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Knows everything that ever happened in a cluster and checks each step against Raft's five
/// properties (paper figure 3) and against what a member may promise. @throws violation.
class oracle final : public observer {
public:
  void sent(const cluster_member& from, member_id to, const peer_message& message) override;
  void written(const cluster_member& by, const persist& batch) override;
  void committed(const cluster_member& by, const std::vector<entry>& entries) override;
  void refused(const cluster_member& by, const propose_refused& refused) override;
  void answered(const cluster_member& by, const read_index_reply& reply) override;
  void answered(const cluster_member& by, const transfer_reply& reply) override;
  void was_asked(const cluster_member& by, const hard_state& before) override;
  void became(const cluster_member& by) override;
  void stepped(const cluster_member& by) override;

  /// Whose disks count.
  void watch(const core_cluster& cluster) {
    cluster_ = &cluster;
  }

  /// A transfer is asked for; it gets one answer.
  void asked_transfer(std::uint64_t request) {
    transfers_.insert(request);
  }

  /// A member starts from `applied`.
  void started(member_id id, log_index applied) {
    next_to_apply_[id] = applied + 1;
  }

  /// A read begins; its answer must not be older than what is committed now.
  void asked(std::uint64_t round) {
    reads_[round] = commit_;
  }

  /// The highest index that any member has known to be committed.
  log_index commit() const {
    return commit_;
  }

  bool is_committed(std::uint64_t counter) const {
    return committed_counters_.contains(counter);
  }

  // How often rare things have happened.
  std::uint64_t elections = 0;
  std::uint64_t overwritten = 0;
  std::uint64_t reads_served = 0;
  std::uint64_t refusals = 0;
  std::uint64_t configurations = 0;
  std::uint64_t joint = 0;
  std::uint64_t handovers = 0;
  std::uint64_t questions = 0;

private:
  struct fate {
    entry what;
    /// Of the first member seen to know of the commit; not before the term in which it happened.
    term_t seen_in;
  };

  void check_promise(const cluster_member& from, const request_vote& rpc);
  void check_promise(const cluster_member& from, const request_vote_reply& reply, member_id to);
  void check_promise(const cluster_member& from, const append_reply& reply);
  void check_election(const cluster_member& leader) const;
  void check_commit(const cluster_member& leader) const;
  void check_change(const cluster_member& by, const entry& what);

  const core_cluster* cluster_ = nullptr;
  std::set<std::uint64_t> transfers_;
  /// The configurations of which a leader was seen to append the entry.
  std::set<entry_id> changes_;

  std::map<term_t, member_id> leaders_;
  std::map<std::pair<term_t, member_id>, member_id> votes_;
  /// Every entry ever written, with the entry before it.
  std::map<entry_id, std::pair<entry, entry_id>> entries_;
  std::map<log_index, fate> committed_;
  log_index commit_;
  /// As each member last knew it.
  std::map<member_id, log_index> commit_of_;
  std::map<member_id, log_index> next_to_apply_;
  std::map<std::uint64_t, log_index> reads_;
  std::set<std::uint64_t> committed_counters_;
  std::set<std::uint64_t> refused_counters_;
};

} // namespace troupe::raft
