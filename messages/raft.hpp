#pragma once

#include "messages/alarms.hpp"
#include "messages/blob.hpp"
#include "messages/errc.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Where a proposal came from. Only the member of that name, in that boot, answers a client for it;
/// everyone else applies the entry silently. Counter 0: nobody waits (the entry a leader opens its
/// term with).
struct entry_origin {
  member_id member;
  boot_count boot;
  std::uint64_t counter = 0;

  friend bool operator==(const entry_origin&, const entry_origin&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry_origin& x) {
  return f(x.member, x.boot, x.counter);
}

enum class entry_kind : std::uint8_t {
  /// Opens a leader's term; no effect on the state (paper 8).
  term_start = 1,
  /// A `command` (messages/command.hpp) for the state machine.
  command = 2,
  /// In the log: a whole configuration of the cluster. In a proposal: the change that the leader
  /// makes a configuration of (both messages/membership.hpp).
  configuration = 3,
};

/// One entry of the Raft log.
struct entry {
  entry_id id;
  entry_kind kind = entry_kind::command;
  entry_origin origin;
  blob payload;

  friend bool operator==(const entry&, const entry&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry& x) {
  return f(x.id, x.kind, x.origin, x.payload);
}

/// What a member must not forget over a crash (paper figure 2, "persistent state"), beside the log
/// itself.
struct hard_state {
  term_t term;
  /// The candidate this member voted for in `term`; 0 = none.
  member_id voted_for;
  /// Raised and synced at each start, before anything else is sent.
  boot_count boot;
  /// A hint: entries up to here were known to be committed. Never ahead of the truth, often behind.
  log_index commit;

  friend bool operator==(const hard_state&, const hard_state&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hard_state& x) {
  return f(x.term, x.voted_for, x.boot, x.commit);
}

// --- between members (paper figure 2); each crosses processes
// -----------------------------------------------------------

/// A candidate asks for a vote (paper 5.2).
struct request_vote {
  /// Of the candidate; with `pre` the one after it, in which it would campaign.
  term_t term;
  member_id candidate;
  /// The candidate's last entry; who votes must not have a longer or newer log (paper 5.4.1).
  entry_id last;
  /// Only asks whether it could win: changes neither term nor vote of anybody (thesis 9.6).
  bool pre = false;
  /// The leader asked for this campaign: who hears that leader votes all the same (thesis 4.2.3).
  bool transfer = false;

  friend bool operator==(const request_vote&, const request_vote&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, request_vote& x) {
  return f(x.term, x.candidate, x.last, x.pre, x.transfer);
}

struct request_vote_reply {
  /// Of the voter; of a granted `pre` the term that was asked about.
  term_t term;
  member_id voter;
  bool granted = false;
  /// Answers a request with `pre`; counts for no election.
  bool pre = false;

  friend bool operator==(const request_vote_reply&, const request_vote_reply&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, request_vote_reply& x) {
  return f(x.term, x.voter, x.granted, x.pre);
}

/// A leader's entries for one follower; without entries it is the heartbeat (paper 5.2, 5.3).
struct append {
  term_t term;
  member_id leader;
  /// The entry right before `entries`.
  entry_id prev;
  std::vector<entry> entries;
  /// The leader's commit index, never beyond what it verified in this follower's log (checklist 7).
  log_index commit;
  /// Echoed in the reply; a leader counts a read round by it (thesis 6.4). 0 = none.
  std::uint64_t read_round = 0;

  friend bool operator==(const append&, const append&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, append& x) {
  return f(x.term, x.leader, x.prev, x.entries, x.commit, x.read_round);
}

struct append_reply {
  term_t term;
  member_id follower;
  /// False: the follower's log does not hold `prev`.
  bool success = false;
  /// On success the last index that is now equal to the leader's *and on disk*; else the follower's
  /// hint where to try next: the last index it may share with the leader.
  log_index match;
  std::uint64_t read_round = 0;

  friend bool operator==(const append_reply&, const append_reply&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, append_reply& x) {
  return f(x.term, x.follower, x.success, x.match, x.read_round);
}

/// The leader of `term` wants the receiver to take over: it campaigns at once (thesis 3.10).
struct timeout_now {
  term_t term;
  member_id leader;

  friend bool operator==(const timeout_now&, const timeout_now&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, timeout_now& x) {
  return f(x.term, x.leader);
}

/// One client write on its way into the log.
struct proposal {
  /// Unique in this boot of this member; the applier knows who waits for it.
  std::uint64_t counter = 0;
  entry_kind kind = entry_kind::command;
  blob payload;

  friend bool operator==(const proposal&, const proposal&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, proposal& x) {
  return f(x.counter, x.kind, x.payload);
}

/// To the leader: append these, in this order, with `from` as their origin. May be lost, then their
/// fate is unknown; must never arrive twice.
struct forward_propose {
  member_id from;
  boot_count boot;
  std::vector<proposal> proposals;

  friend bool operator==(const forward_propose&, const forward_propose&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forward_propose& x) {
  return f(x.from, x.boot, x.proposals);
}

/// To who forwarded them: these did not get into the log and never will by that message.
struct forward_refused {
  /// Of the receiver, when it forwarded.
  boot_count boot;
  std::vector<std::uint64_t> counters;
  errc reason = errc::none;

  friend bool operator==(const forward_refused&, const forward_refused&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forward_refused& x) {
  return f(x.boot, x.counters, x.reason);
}

/// To the leader: a `read_index_request` of a member that follows it.
struct forward_read {
  member_id from;
  boot_count boot;
  std::uint64_t round = 0;

  friend bool operator==(const forward_read&, const forward_read&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forward_read& x) {
  return f(x.from, x.boot, x.round);
}

/// The answer; as `read_index_reply`.
struct forward_read_reply {
  /// Of the receiver, when it asked.
  boot_count boot;
  std::uint64_t round = 0;
  errc error = errc::none;
  log_index index;

  friend bool operator==(const forward_read_reply&, const forward_read_reply&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forward_read_reply& x) {
  return f(x.boot, x.round, x.error, x.index);
}

// --- inside one node
// ------------------------------------------------------------------------------------------------------

/// One logical tick; carries no wall-clock time.
struct tick {};

/// To storage: write all of this with one sync. Batches are written in the order they are sent.
struct persist {
  /// Present if term, vote, boot count or commit hint changed.
  std::optional<hard_state> state;
  /// Consecutive entries. If the first one's index is already in the log, the log is cut there
  /// first (paper 5.3).
  std::vector<entry> entries;
  /// Counts the sender's batches; storage answers with it once this and every earlier batch is on
  /// disk.
  std::uint64_t batch = 0;
};

/// From storage, passed on by member: everything up to this batch is on disk. `last` is the last
/// entry of the log as written by then; a core moves its durable index only if its log still holds
/// that pair (checklist 6).
struct persisted {
  std::uint64_t batch = 0;
  entry_id last;
};

/// To storage: entries up to `upto` are in the flushed state; their segments may be recycled.
struct release_log {
  entry_id upto;
};

/// To the applier: these entries are committed and in the own durable log; consecutive, each
/// exactly once.
struct committed {
  std::vector<entry> entries;
};

/// From the applier, after the batch is in the state machine: everything up to here is applied.
/// `flushed` is what a crash keeps of it.
struct applied {
  entry_id upto;
  entry_id flushed;
  /// As of `upto`.
  raised_alarms alarms;
};

/// To member: append these, in this order. The leader appends all or refuses all; only a
/// configuration change is judged by itself. Other roles forward them to the leader.
struct propose {
  std::vector<proposal> proposals;
};

/// To the applier: these proposals were refused before they reached the log. They are *not
/// executed*.
struct propose_refused {
  std::vector<std::uint64_t> counters;
  errc reason = errc::none;
};

/// To member: from which index on does the state hold everything acknowledged before now? One round
/// serves all reads that wait (thesis 6.4). `round` rises with each request and is never used
/// twice.
struct read_index_request {
  std::uint64_t round = 0;
};

/// The answer, from the leader role: reads of that round may be served from a state that has
/// applied `index`.
struct read_index_reply {
  std::uint64_t round = 0;
  /// `errc::none`, or why nobody can tell now (`not_leader`, `leader_changed`): ask again or fail
  /// the reads.
  errc error = errc::none;
  log_index index;
};

/// To member: hand leadership to `to`, a voter (thesis 3.10). Only a leader can.
struct transfer_leadership {
  /// Chosen by the asker; comes back in the answer.
  std::uint64_t request = 0;
  member_id to;
};

/// The answer, exactly one to each request.
struct transfer_reply {
  std::uint64_t request = 0;
  /// `none`: this member has stepped down for `to`'s campaign, or `to` leads already; who wants to
  /// be sure looks at the next `raft_status`. `not_leader`, `bad_leader_transferee`: nothing was
  /// done. `too_many_requests`: another transfer is under way. `leader_changed`: somebody else
  /// campaigned meanwhile. `timeout`: given up after an election timeout; may still happen.
  errc error = errc::none;

  friend bool operator==(const transfer_reply&, const transfer_reply&) = default;
};

/// To member, from the link to that peer: the connection broke; what was on its way is lost.
struct link_lost {
  member_id peer;
};

/// To member, from the link to that peer: the connection stands (again).
struct link_found {
  member_id peer;
};

/// From the leader role: a follower needs entries that are not kept any more. Comes once for each
/// transfer; the answer is `snapshot_result`.
struct snapshot_wanted {
  member_id to;
  /// What is known of the follower's log ends here.
  log_index behind;

  friend bool operator==(const snapshot_wanted&, const snapshot_wanted&) = default;
};

/// To member, from who sends snapshots. A follower whose own log holds the snapshot's last entry
/// keeps its log, since it may have promised what comes behind; that counts as installed.
struct snapshot_result {
  member_id to;
  /// The last entry in the snapshot.
  entry_id at;
  /// False: it did not get there, or was refused; the leader asks again after a pause.
  bool installed = false;
};

enum class raft_role : std::uint8_t { follower, pre_candidate, candidate, leader, learner };

/// From member to who shows it (Status, metrics, header of answers), whenever it changes.
struct raft_status {
  raft_role role = raft_role::follower;
  term_t term;
  /// 0 = unknown.
  member_id leader;
  log_index commit;
  log_index last;

  friend bool operator==(const raft_status&, const raft_status&) = default;
};

} // namespace troupe
