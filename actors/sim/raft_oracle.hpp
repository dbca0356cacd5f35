#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"
#include "storage/raft_log.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sim {

/// Something happened that must never happen.
class violation : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Sees every member of a cluster from the outside, remembers all that ever happened, and checks
/// each step against Raft's five properties (paper figure 3) and against what a member may promise
/// (checklist 1-8, 45). Knows nothing of quorums and configurations. Everything throws `violation`.
class raft_oracle {
public:
  /// A member has started from what it found on its disk.
  void started(member_id id, const raft::recovered_state& found);

  /// It has taken a step.
  void stepped(member_id id, const raft::replica& state, raft_role role);

  /// A message leaves it; what it promises has to be on its disk.
  void sent(member_id from, const storage::raft_log& disk, member_id to,
            const raft::peer_message& message);

  /// Its state machine has come to this entry.
  void applied(member_id id, const storage::raft_log& disk, entry_id upto);

  /// The highest index that any member has known to be committed.
  log_index commit() const {
    return commit_;
  }

  struct counts {
    std::uint64_t elections = 0;
    std::uint64_t restarts = 0;
    /// Entries that stood in a log and were replaced.
    std::uint64_t overwritten = 0;
    std::uint64_t committed = 0;
  };

  const counts& seen() const {
    return seen_;
  }

private:
  /// An entry, by what it holds.
  struct known_entry {
    std::uint64_t digest = 0;
    /// The one before it; absent while nobody has shown it.
    std::optional<entry_id> before;
  };

  struct fate {
    entry_id id;
    /// The term of the first member seen to know of it: not before the term of the commit.
    term_t seen_in;
  };

  struct observed {
    /// Terms of the entries of its log, checked once; index 1 comes first.
    std::vector<term_t> log;
    log_index commit;
    entry_id applied;
    raft_role role = raft_role::follower;
    term_t term;
  };

  /// What left a member and must outlive its crashes.
  struct promise {
    term_t term;
    member_id vote;
    /// In `acked_in` it has told the leader that its log holds this entry.
    entry_id acked;
    term_t acked_in;
  };

  void check_log(observed& by, const raft::log_view& log);
  void check_commit(observed& by, const raft::replica& state);
  void check_leader(member_id id, const raft::replica& state);

  std::map<term_t, member_id> leaders_;
  std::map<std::pair<term_t, member_id>, member_id> votes_;
  std::map<entry_id, known_entry> entries_;
  std::map<log_index, fate> committed_;
  log_index commit_;
  std::set<std::pair<std::pair<member_id, boot_count>, std::uint64_t>> origins_;
  std::map<member_id, observed> members_;
  std::map<member_id, promise> promises_;
  counts seen_;
};

} // namespace troupe::sim
