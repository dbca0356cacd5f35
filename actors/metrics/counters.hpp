#pragma once

#include "actors/metrics/counter.hpp"
#include "messages/alarms.hpp"
#include "messages/raft.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::metrics {

/// Leadership, as member tells of it.
struct raft_counters {
  gauge leader;
  gauge leads;
  gauge learner;
  gauge committed_index;
  gauge last_index;
  gauge term;
  counter leader_changes;

  /// To be called by one actor only. A leader change is a leader that is known now and was not the
  /// one before; that a leader was lost does not count.
  void note(const raft_status& status) {
    auto now = static_cast<std::int64_t>(status.leader.value);
    if (now != 0 && now != leader.value())
      leader_changes.add();
    leader.set(now);
    leads.set(status.role == raft_role::leader ? 1 : 0);
    committed_index.set(static_cast<std::int64_t>(status.commit.value));
    last_index.set(static_cast<std::int64_t>(status.last.value));
    term.set(static_cast<std::int64_t>(status.term.value));
  }
};

/// The Raft log on its way to the disk.
struct storage_counters {
  /// Each durable write of a file of the log, from the call until it is on disk: counted by a
  /// measured file system.
  disk_histogram sync_duration;
  counter bytes_written;
  /// Each batch of the log: encoded, written and on disk.
  disk_histogram batch_duration;
  batch_histogram batch_entries;
  bytes_histogram batch_bytes;

  /// These groups shared one write, which took so long.
  void wrote(const std::vector<persist>& groups, std::chrono::nanoseconds took) {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    for (const auto& group : groups) {
      entries += group.entries.size();
      for (const auto& entry : group.entries)
        bytes += entry.payload.size();
    }
    batch_duration.observe(took);
    batch_entries.observe(entries);
    batch_bytes.observe(bytes);
  }
};

/// What is applied, by etcd's names for it.
enum class apply_op : std::uint8_t {
  put,
  delete_range,
  txn,
  compaction,
  alarm,
  member_attributes,
  lease_grant,
  lease_revoke,
  lease_checkpoint,
  downgrade_info,
};

inline constexpr std::size_t apply_op_count =
  static_cast<std::size_t>(apply_op::downgrade_info) + 1;

/// What the applier does.
struct apply_counters {
  gauge applied_index;
  /// Proposals of this member whose clients still wait.
  gauge proposals_pending;
  /// Refused before the log, or not applied in time.
  counter proposals_failed;
  /// Entries that took longer than `warning_apply_duration`.
  counter slow_applies;
  /// Operations, those inside of transactions included.
  counter puts;
  counter deletes;
  counter ranges;
  counter txns;
  /// Bytes of keys and values put.
  counter put_bytes;
  /// Each commit of the store.
  disk_histogram commit_duration;
  batch_histogram batch_entries;
  /// By operation and success.
  std::array<std::array<operation_histogram, 2>, apply_op_count> durations;

  void applied(apply_op op, bool success, std::chrono::nanoseconds took) {
    durations[static_cast<std::size_t>(op)][success ? 1 : 0].observe(took);
  }
};

/// What the readers and the gate before them do.
struct read_counters {
  /// Each range answered by a reader, by success.
  std::array<operation_histogram, 2> range_duration;
  counter ranges;
  counter txns;
  /// Reads that wait for a read round or for the applier.
  gauge waiting;
  /// Times when reads ran out of time because no read round was confirmed.
  counter slow_rounds;
  /// Read rounds that failed because leadership changed.
  counter failed_rounds;
  batch_histogram batch_reads;
};

/// What the lease manager sees.
struct lease_counters {
  counter granted;
  counter revoked;
  /// By this member while it led.
  counter renewed;
  counter expired;
  ttl_histogram ttl_seconds;
};

/// Watches, as the streams of clients see them.
struct watch_counters {
  gauge streams;
  gauge watches;
  /// Watches that read the history, or wait until they may.
  gauge slow_watches;
  /// Sent to clients, each as often as it was sent.
  counter events;
  /// Memory of answers that wait for their clients to read on.
  gauge held_bytes;
  /// Of answers handed to the edge for which no client has made room yet.
  gauge unconfirmed_bytes;
  /// Changes that wait in the hub.
  gauge pending_events;
};

/// Alarms of this cluster as this member has applied them: 1 if active.
struct alarm_gauges {
  gauge no_space;
  gauge corrupt;
  /// Of a kind that this version does not know.
  gauge other;

  void note(const raised_alarms& raised) {
    no_space.set(raised.no_space ? 1 : 0);
    corrupt.set(raised.corrupt ? 1 : 0);
    other.set(raised.other ? 1 : 0);
  }
};

/// What is done to the whole store.
struct maintenance_counters {
  /// 1 while a client's defragmentation runs.
  gauge defragmenting;
  defragment_histogram defragment_duration;
  /// Each answer to Hash and to HashKV.
  hash_histogram hash_duration;
  hash_histogram hash_kv_duration;
  /// Times when reading all keys found others than were written.
  counter damage_found;
};

/// Everything that actors count while they work. One per node, shared by those who count and those
/// who show it.
struct node_counters {
  raft_counters raft;
  storage_counters storage;
  apply_counters apply;
  read_counters reads;
  lease_counters leases;
  watch_counters watches;
  alarm_gauges alarms;
  maintenance_counters maintenance;
};

} // namespace troupe::metrics
