#pragma once

#include "actors/raft/core/log_view.hpp"
#include "actors/raft/core/quorum.hpp"
#include "messages/membership.hpp"
#include "messages/raft.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace troupe::raft {

struct output;

/// What a member is told about itself and its cluster at launch.
struct core_config {
  /// Never 0.
  member_id id;
  /// A follower waits between one and two of these for a leader before it campaigns; at least 1.
  unsigned election_timeout_ticks = 10;
  /// A leader speaks at least this often; at least 1 and below `election_timeout_ticks`.
  unsigned heartbeat_ticks = 1;
  /// Ask whether an election can be won before the term is raised for it (thesis 9.6).
  bool pre_vote = true;
  /// Applied entries are kept in memory for slow followers within this many bytes.
  std::size_t log_tail_bytes = 16 << 20;
  /// One append carries at most this much, unless a single entry is larger.
  std::size_t append_bytes = 512 << 10;
  /// Appends to one follower that may be unanswered at a time.
  std::size_t appends_in_flight = 64;
  /// ... and their bytes; the last one may go beyond.
  std::size_t bytes_in_flight = 8 << 20;
  /// While a follower waits for a snapshot or catches up behind one, entries are kept for it beyond
  /// `log_tail_bytes` within this many bytes more (checklist 40).
  std::size_t snapshot_tail_bytes = 64 << 20;
  /// Proposals are refused while more entries than this are committed but not applied ...
  std::uint64_t unapplied_entries = 5000;
  /// ... or more bytes than this are proposed but not committed.
  std::size_t uncommitted_bytes = 64 << 20;
  /// Reads that may wait at a leader; more are refused.
  std::size_t waiting_reads = 10'000;
  std::size_t max_learners = 1;
  /// Refuse configuration changes that endanger the quorum.
  bool strict_reconfig_check = true;
};

/// What a member finds on its disk when it starts.
struct recovered_state {
  /// `boot` is already raised and synced.
  hard_state hard;
  entry_id before_first;
  /// Everything the log holds behind `before_first`.
  std::vector<entry> entries;
  /// What the state machine has applied; in the log, or `before_first`.
  entry_id applied;
  /// As of `applied`; without members if there is none yet, then every entry that the log still
  /// holds is asked for one.
  configuration membership;
};

/// A configuration, and the entry that brought it.
struct known_configuration {
  /// 0: it came with the state.
  log_index at;
  configuration what;
  electorate voters;
};

/// What a member knows in every role, and hands from role to role (paper figure 2, "state on all
/// servers"). It collects what a step changes; `finish` turns that into the step's output.
///
/// before_first <= applied <= delivered <= min(commit, durable), and commit, durable <= last.
class replica {
public:
  replica() = default;

  /// @throws invariant_error if the recovered parts do not fit together.
  replica(core_config config, recovered_state found, std::uint64_t seed);

  const core_config& config() const {
    return config_;
  }

  member_id id() const {
    return config_.id;
  }

  const hard_state& hard() const {
    return hard_;
  }

  term_t term() const {
    return hard_.term;
  }

  const log_view& log() const {
    return log_;
  }

  /// Highest index known to be committed; never falls.
  log_index commit_index() const {
    return commit_;
  }

  /// Everything up to here is in our log on our disk. Falls when entries are overwritten.
  log_index durable_index() const {
    return durable_;
  }

  /// Everything up to here was handed to the applier.
  log_index delivered_index() const {
    return delivered_;
  }

  log_index applied_index() const {
    return applied_;
  }

  /// Number of the newest write that was asked for, or will be by this step.
  std::uint64_t batch() const {
    return batch_ + (unwritten() ? 1 : 0);
  }

  /// Every write up to this one is on disk.
  std::uint64_t durable_batch() const {
    return durable_batch_;
  }

  /// The configuration in force: the newest one in the log, committed or not (thesis 4.1).
  const known_configuration& membership() const {
    return memberships_.back();
  }

  const electorate& voters() const {
    return membership().voters;
  }

  bool is_voter() const {
    return voters().contains(config_.id);
  }

  /// Also who is not in the configuration in force campaigns while that is not known to be
  /// committed: the entry may be on its disk alone, and nobody else can win (thesis 4.2.2).
  bool may_campaign() const;

  /// Whether this member alone is a quorum.
  bool is_only_voter() const;

  /// The leader of the present term; 0 while it is not known, or not to be relied on.
  member_id leader() const {
    return leader_;
  }

  /// There is one leader per term. @throws invariant_error if another one was known.
  void follow(member_id leader);

  void forget_leader() {
    leader_ = {};
  }

  /// Moves to a newer term, in which nobody has our vote yet and no leader is known.
  void adopt(term_t newer);

  /// At most one candidate per term gets our vote (paper 5.2).
  void vote_for(member_id candidate);

  /// The entry follows the log's last. A configuration is in force from here on; its payload is
  /// well formed.
  void append(entry next);

  /// Cuts the log at a conflict with its leader's (paper 5.3); an entry in place of `first` is
  /// appended in the same step. The configuration before those that go is in force again. @throws
  /// invariant_error if a committed entry would go.
  void cut_from(log_index first);

  /// Raises the commit index to `index`, never beyond the log's end.
  void commit_to(log_index index);

  /// A write is on disk (checklist 6: a late answer for entries that were overwritten meanwhile
  /// moves nothing).
  void on_persisted(const persisted& done);

  /// The state machine has moved; drops what no longer has to be kept in memory. Entries behind
  /// `keep_behind` are kept within `snapshot_tail_bytes` more.
  void on_applied(entry_id upto, log_index keep_behind = {~std::uint64_t{0}});

  /// An election timeout drawn for this wait: in [election_timeout_ticks, 2 *
  /// election_timeout_ticks) (paper 5.2); 1 for an only voter that follows nobody: it has nobody to
  /// wait for.
  unsigned draw_election_timeout();

  /// The pause before a follower campaigns whose link to its leader broke: from 1 to a third of
  /// election_timeout_ticks. Long enough for the others to notice as well, much shorter than
  /// waiting for a leader that may be gone.
  unsigned draw_short_pause();

  /// Completes `step` with what has to be written and what became ready for the applier.
  void finish(output& step);

private:
  bool unwritten() const {
    return hard_changed_ || !unwritten_.empty();
  }

  void recover_memberships(configuration of_state);
  /// Notes the configuration that this entry may bring.
  void learn(const entry& next);
  void announce(output& step);

  core_config config_;
  hard_state hard_;
  log_view log_;
  /// Ascending, never empty: the newest committed configuration and those of the log behind it.
  std::vector<known_configuration> memberships_;
  member_id leader_;
  log_index commit_;
  log_index durable_;
  log_index delivered_;
  log_index applied_;
  std::uint64_t batch_ = 0;
  std::uint64_t durable_batch_ = 0;
  /// The newest write that replaces entries of earlier ones: before it is on disk, answers to
  /// earlier writes say nothing about what the log will hold.
  std::uint64_t cut_batch_ = 0;
  std::mt19937_64 chance_;

  /// Which state of `memberships_` was announced: it changes with every entry that comes or goes.
  std::uint64_t membership_changes_ = 0;
  std::uint64_t announced_changes_ = 0;
  bool announced_committed_ = false;

  // Of the present step.
  bool hard_changed_ = false;
  std::vector<entry> unwritten_;
};

} // namespace troupe::raft
