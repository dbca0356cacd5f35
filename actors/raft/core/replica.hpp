#pragma once

#include "actors/raft/core/log_view.hpp"
#include "messages/raft.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace troupe::raft {

struct output;

/// What a member is told about itself and its cluster at launch.
struct core_config {
  /// Never 0.
  member_id id;
  std::set<member_id> voters;
  /// A follower waits between one and two of these for a leader before it campaigns; at least 1.
  unsigned election_timeout_ticks = 10;
  /// A leader speaks at least this often; at least 1 and below `election_timeout_ticks`.
  unsigned heartbeat_ticks = 1;
  /// Applied entries are kept in memory for slow followers within this many bytes.
  std::size_t log_tail_bytes = 16 << 20;
  /// One append carries at most this much, unless a single entry is larger.
  std::size_t append_bytes = 512 << 10;
  /// Appends to one follower that may be unanswered at a time.
  std::size_t appends_in_flight = 64;
  /// Proposals are refused while more entries than this are committed but not applied ...
  std::uint64_t unapplied_entries = 5000;
  /// ... or more bytes than this are proposed but not committed.
  std::size_t uncommitted_bytes = 64 << 20;
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

  bool is_voter() const {
    return config_.voters.contains(config_.id);
  }

  /// Whether this member alone is a quorum.
  bool is_only_voter() const {
    return is_voter() && config_.voters.size() == 1;
  }

  /// Moves to a newer term, in which nobody has our vote yet.
  void adopt(term_t newer);

  /// At most one candidate per term gets our vote (paper 5.2).
  void vote_for(member_id candidate);

  /// The entry follows the log's last.
  void append(entry next);

  /// Cuts the log at a conflict with its leader's (paper 5.3); an entry in place of `first` is
  /// appended in the same step. @throws invariant_error if a committed entry would go.
  void cut_from(log_index first);

  /// Raises the commit index to `index`, never beyond the log's end.
  void commit_to(log_index index);

  /// A write is on disk (checklist 6: a late answer for entries that were overwritten meanwhile
  /// moves nothing).
  void on_persisted(const persisted& done);

  /// The state machine has moved; drops what no longer has to be kept in memory.
  void on_applied(entry_id upto);

  /// An election timeout drawn for this wait: in [election_timeout_ticks, 2 *
  /// election_timeout_ticks) (paper 5.2); 1 for an only voter, which has nobody to wait for.
  unsigned draw_election_timeout();

  /// Completes `step` with what has to be written and what became ready for the applier.
  void finish(output& step);

private:
  bool unwritten() const {
    return hard_changed_ || !unwritten_.empty();
  }

  core_config config_;
  hard_state hard_;
  log_view log_;
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

  // Of the present step.
  bool hard_changed_ = false;
  std::vector<entry> unwritten_;
};

} // namespace troupe::raft
