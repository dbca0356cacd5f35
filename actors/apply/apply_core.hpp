#pragma once

#include "actors/apply/alarms.hpp"
#include "actors/apply/auto_compaction.hpp"
#include "actors/apply/op_counts.hpp"
#include "actors/apply/pending_calls.hpp"
#include "actors/apply/space_guard.hpp"
#include "actors/metrics/meter.hpp"
#include "actors/service/catch_up.hpp"
#include "messages/command.hpp"
#include "messages/lease.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/raft.hpp"
#include "messages/service.hpp"
#include "storage/mvcc/store.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::apply {

/// Whose entries are answered here, and what stands in the headers of answers.
struct apply_identity {
  cluster_id cluster;
  member_id member;
  boot_count boot;
};

/// How large the store may become.
struct space_quota {
  /// Negative: as large as it likes.
  std::int64_t bytes = -1;
  /// What the store takes now, in files and in memory; asked about every megabyte and every tick.
  /// @pre set if there is a quota.
  std::function<std::uint64_t()> used;
};

/// What one step of the applier asks of its host, to be done from top to bottom.
struct apply_output {
  /// To whoever judges requests, before an answer tells of it: alarms were raised or taken back.
  bool alarms_changed = false;
  /// To the hub, before the answers leave: all changes, in the order of revision.
  std::vector<mvcc::event> events;
  /// To the lease manager, before the answers leave; `upto` is the last entry of the step.
  lease_changes leases;
  /// To the edges.
  std::vector<rpc_answer> answers;
  /// The compaction floor has risen.
  bool floor_raised = false;
  /// The store is full: whatever can be removed should be.
  bool make_room = false;
  /// To the edges, once what is below the floor is off the disk.
  std::vector<rpc_answer> when_removed;
  /// To member: a compaction this member proposes as leader, alarms of its quota.
  std::vector<proposal> to_propose;
};

/// What watchers see of the state beside the changes.
struct watched_state {
  std::int64_t revision = 0;
  /// -1: there was no compaction.
  std::int64_t floor = -1;
  term_t term;
  /// See `watch::publish`.
  bool caught_up = false;

  friend bool operator==(const watched_state&, const watched_state&) = default;
};

/// One batch of the store takes about this much of the log at most, so that replaying a long log
/// after a restart does not need memory for all of it.
inline constexpr std::size_t batch_bytes = 4 << 20;

/// Applies committed entries to the store, each exactly once, and answers those of this boot of
/// this member. Deterministic: the state after an entry depends on nothing but the entries up to it
/// (checklist 81).
class apply_core {
public:
  apply_core(mvcc::store& store, apply_identity identity, auto_compaction compaction,
             space_quota quota = {});

  /// From now on counts here; a command that takes longer than `slow` counts as slow.
  void count_in(metrics::meter meter, std::chrono::nanoseconds slow);

  /// A client waits for these; answers to anything else are dropped.
  void await(const await_applied& calls);

  /// They never reached the log: *not executed*. Numbers that nobody waits for are passed over.
  void refuse(const propose_refused& refused, apply_output& out);

  /// Applies all entries, in one or a few atomic batches of the store. Answers leave only for what
  /// is in the store.
  /// @throws invariant_error if the entries do not follow the applied index, storage_error if the
  /// store fails, and `errc::data_newer` as storage_error for a kind of entry or command this
  /// version does not know: it must not be skipped.
  void apply(std::span<const entry> entries, apply_output& out);

  void on(const raft_status& status) {
    raft_ = status;
    if (!measured_from_ && status.leader != member_id{})
      measured_from_ = status.last.value;
  }

  /// Calls whose time is over get *unknown*; a leader compacts by its policy.
  void on_tick(time_point now, apply_output& out);

  /// What the state holds, and what of it a crash keeps.
  applied progress() const;

  /// @param last the last entry of the log at the start.
  watched_state watched(entry_id last) const {
    return {store_.revision(), store_.compacted(), raft_.term,
            service::catch_up{store_.applied(), last}.done()};
  }

private:
  rpc_answer apply_command(const command& what, entry_id at, apply_output& out);
  rpc_answer apply_kv(const command& what);
  rpc_answer apply_lease(const command& what, entry_id at, std::vector<lease_change>& changes);
  rpc_answer apply_maintenance(const command& what, apply_output& out);
  void alarms_changed(apply_output& out);
  void look_after_space(apply_output& out);
  std::uint64_t used() const;
  void apply_one(const entry& what, apply_output& out);
  void commit(entry_id upto, apply_output& out);
  void note(command_kind kind, bool success, std::chrono::nanoseconds took) const;
  void note(const op_counts& ops) const;
  rpc_answer compact(const etcdserverpb::CompactionRequest& request, apply_output& out);
  /// The answer, but for whom it is.
  template <class Response>
  rpc_answer finish(errc verdict, Response& response);

  mvcc::store& store_;
  apply_identity identity_;
  auto_compaction compaction_;
  alarm_table alarms_;
  /// Of `alarms_`.
  raised_alarms raised_;
  space_quota quota_;
  space_guard guard_;
  /// Of the last tick.
  time_point now_;
  /// Index of the end of the log when a leader was first known: until that is applied the store is
  /// smaller than it was, and says nothing of room.
  std::optional<std::uint64_t> measured_from_;
  /// Bytes of the log applied since the quota was looked at; as if there were some at the start.
  std::size_t unseen_bytes_ = 1;
  pending_calls pending_;
  raft_status raft_;
  metrics::meter meter_;
  std::chrono::nanoseconds slow_ = std::chrono::nanoseconds::max();
};

} // namespace troupe::apply
