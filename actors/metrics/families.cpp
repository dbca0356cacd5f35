#include "actors/metrics/families.hpp"

#include <string>

namespace troupe::metrics {

namespace {

constexpr double seconds = 1e-9;

double number(const gauge& from) {
  return static_cast<double>(from.value());
}

constexpr std::string_view names_of_apply_ops[apply_op_count] = {
  "Put",
  "DeleteRange",
  "Txn",
  "Compaction",
  "Alarm",
  "ClusterMemberAttrSet",
  "LeaseGrant",
  "LeaseRevoke",
  "LeaseCheckpoint",
  "DowngradeInfoSet",
};

template <class Bounds>
bool has_samples(const histogram<Bounds>& values) {
  for (std::size_t i = 0; i <= Bounds::count; ++i)
    if (values.in_bucket(i) > 0)
      return true;
  return false;
}

} // namespace

void write_raft(const node_counters& from, family_writer& to) {
  const auto& raft = from.raft;
  to.gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.",
           raft.leader.value() != 0 ? 1 : 0);
  to.gauge("etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.",
           number(raft.leads));
  to.gauge("etcd_server_is_learner",
           "Whether or not this member is a learner. 1 if is, 0 otherwise.", number(raft.learner));
  to.counter("etcd_server_leader_changes_seen_total", "The number of leader changes seen.",
             raft.leader_changes.value());
  to.gauge("etcd_server_proposals_committed_total",
           "The total number of consensus proposals committed.", number(raft.committed_index));
  to.gauge("etcd_server_proposals_applied_total",
           "The total number of consensus proposals applied.", number(from.apply.applied_index));
  to.gauge("etcd_server_proposals_pending", "The current number of pending proposals to commit.",
           number(from.apply.proposals_pending));
  to.counter("etcd_server_proposals_failed_total", "The total number of failed proposals seen.",
             from.apply.proposals_failed.value());
  to.gauge("troupe_raft_term", "The Raft term of this member.", number(raft.term));
  to.gauge("troupe_raft_last_index", "Index of the last entry in the log of this member.",
           number(raft.last_index));
}

void write_storage(const storage_counters& from, family_writer& to) {
  to.histogram_of("etcd_disk_wal_fsync_duration_seconds",
                  "How long a durable write of the Raft log takes.", from.sync_duration, seconds);
  to.histogram_of("etcd_disk_wal_write_duration_seconds",
                  "How long a batch of the Raft log takes to be encoded and durably written.",
                  from.batch_duration, seconds);
  to.gauge("etcd_disk_wal_write_bytes_total", "Total number of bytes written to the Raft log.",
           static_cast<double>(from.bytes_written.value()));
  to.histogram_of("troupe_log_batch_entries", "Entries that share one write of the Raft log.",
                  from.batch_entries, 1);
  to.histogram_of("troupe_log_batch_bytes",
                  "Bytes of the entries that share one write of the Raft log.", from.batch_bytes,
                  1);
}

void write_apply(const apply_counters& from, family_writer& to) {
  to.counter("etcd_server_slow_apply_total",
             "The total number of slow apply requests (likely overloaded from slow disk).",
             from.slow_applies.value());
  to.begin("etcd_server_apply_duration_seconds", "The latency distributions of applied entries.",
           prometheus::MetricType::Histogram);
  for (std::size_t op = 0; op < apply_op_count; ++op)
    for (std::size_t success = 0; success < 2; ++success)
      if (const auto& values = from.durations[op][success]; has_samples(values))
        to.sample({{"op", names_of_apply_ops[op]},
                   {"success", success == 1 ? "true" : "false"},
                   {"version", "v3"}},
                  values, seconds);
  to.histogram_of("etcd_disk_backend_commit_duration_seconds",
                  "The latency distributions of commits of the state machine's store.",
                  from.commit_duration, seconds);
  to.histogram_of("troupe_apply_batch_entries", "Entries applied with one commit of the store.",
                  from.batch_entries, 1);
}

void write_reads(const read_counters& from, family_writer& to) {
  to.begin("etcd_server_range_duration_seconds", "The latency distributions of ranges.",
           prometheus::MetricType::Histogram);
  for (std::size_t success = 0; success < 2; ++success)
    if (const auto& values = from.range_duration[success]; has_samples(values))
      to.sample({{"success", success == 1 ? "true" : "false"}}, values, seconds);
  to.counter("etcd_server_slow_read_indexes_total",
             "The total number of pending read indexes not in sync with leader's or timed out read "
             "index requests.",
             from.slow_rounds.value());
  to.counter("etcd_server_read_indexes_failed_total", "The total number of failed read indexes.",
             from.failed_rounds.value());
  to.gauge("troupe_reads_waiting", "Reads that wait for a read round or for the applier.",
           number(from.waiting));
  to.histogram_of("troupe_read_batch_reads", "Reads answered from one snapshot.", from.batch_reads,
                  1);
}

void write_leases(const lease_counters& from, family_writer& to) {
  to.counter("etcd_debugging_lease_granted_total", "The total number of granted leases.",
             from.granted.value());
  to.counter("etcd_debugging_lease_revoked_total", "The total number of revoked leases.",
             from.revoked.value());
  to.counter("etcd_debugging_lease_renewed_total",
             "The number of renewed leases seen by the leader.", from.renewed.value());
  to.histogram_of("etcd_debugging_lease_ttl_total", "Bucketed histogram of lease TTLs.",
                  from.ttl_seconds, 1);
  to.counter("etcd_debugging_server_lease_expired_total", "The total number of expired leases.",
             from.expired.value());
}

void write_watches(const watch_counters& from, family_writer& to) {
  to.gauge("etcd_debugging_mvcc_watch_stream_total", "Total number of watch streams.",
           number(from.streams));
  to.gauge("etcd_debugging_mvcc_watcher_total", "Total number of watchers.", number(from.watches));
  to.gauge("etcd_debugging_mvcc_slow_watcher_total", "Total number of unsynced slow watchers.",
           number(from.slow_watches));
  to.counter("etcd_debugging_mvcc_events_total", "Total number of events sent by this member.",
             from.events.value());
  to.gauge("etcd_debugging_mvcc_pending_events_total", "Total number of pending events to be sent.",
           number(from.pending_events));
  to.gauge("troupe_watch_held_bytes",
           "Memory of watch answers that wait for their clients to read on.",
           number(from.held_bytes));
  to.gauge("troupe_watch_unconfirmed_bytes",
           "Bytes of watch answers handed to connections whose clients have not made room yet.",
           number(from.unconfirmed_bytes));
}

void write_operations(const node_counters& from, family_writer& to) {
  to.counter("etcd_mvcc_put_total", "Total number of puts seen by this member.",
             from.apply.puts.value());
  to.counter("etcd_mvcc_delete_total", "Total number of deletes seen by this member.",
             from.apply.deletes.value());
  to.counter("etcd_mvcc_range_total", "Total number of ranges seen by this member.",
             from.apply.ranges.value() + from.reads.ranges.value());
  to.counter("etcd_mvcc_txn_total", "Total number of txns seen by this member.",
             from.apply.txns.value() + from.reads.txns.value());
  to.gauge("etcd_debugging_mvcc_total_put_size_in_bytes",
           "The total size of put keys and values seen by this member.",
           static_cast<double>(from.apply.put_bytes.value()));
}

void write_store(const store_numbers& from, family_writer& to) {
  auto show = [&](const char* name, const char* help, const auto& value) {
    if (value)
      to.gauge(name, help, static_cast<double>(*value));
  };
  show("etcd_mvcc_db_total_size_in_bytes",
       "Size of the state machine, in files and in memory, replaced versions included.",
       from.bytes);
  show("etcd_mvcc_db_total_size_in_use_in_bytes",
       "Size of the state machine without what compaction will remove.", from.bytes_in_use);
  show("etcd_debugging_mvcc_current_revision", "The current revision of store.", from.revision);
  show("etcd_debugging_mvcc_compact_revision", "The revision of the last compaction in store.",
       from.compacted);
  show("etcd_debugging_mvcc_keys_total", "Total number of keys.", from.keys);
}

void write_alarms(const alarm_gauges& from, std::string_view server_id, family_writer& to) {
  to.begin("etcd_debugging_server_alarms", "Alarms for every member in cluster. 1 for active.",
           prometheus::MetricType::Gauge);
  auto show = [&](std::string_view type, const gauge& active) {
    if (active.value() != 0)
      to.sample({{"alarm_type", type}, {"server_id", server_id}}, 1);
  };
  show("NOSPACE", from.no_space);
  show("CORRUPT", from.corrupt);
}

void write_maintenance(const maintenance_counters& from, family_writer& to) {
  to.gauge("etcd_disk_defrag_inflight",
           "Whether or not defrag is active on the member. 1 means active, 0 means not.",
           number(from.defragmenting));
  to.histogram_of("etcd_disk_backend_defrag_duration_seconds",
                  "The latency distribution of backend defragmentation.", from.defragment_duration,
                  seconds);
  to.histogram_of("etcd_mvcc_hash_duration_seconds",
                  "The latency distribution of storage hash operation.", from.hash_duration,
                  seconds);
  to.histogram_of("etcd_mvcc_hash_rev_duration_seconds",
                  "The latency distribution of storage hash by revision operation.",
                  from.hash_kv_duration, seconds);
  to.counter("troupe_store_damage_found_total",
             "Times when reading all keys found others than were written.",
             from.damage_found.value());
}

void write_process(const process_stats& from, family_writer& to) {
  to.begin("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
           prometheus::MetricType::Counter);
  to.sample({}, from.cpu_seconds);
  auto open = static_cast<double>(from.open_descriptors);
  auto most = static_cast<double>(from.max_descriptors);
  to.gauge("process_open_fds", "Number of open file descriptors.", open);
  to.gauge("process_max_fds", "Maximum number of open file descriptors.", most);
  to.gauge("os_fd_used", "The number of used file descriptors.", open);
  to.gauge("os_fd_limit", "The file descriptor limit.", most);
  to.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
           static_cast<double>(from.resident_bytes));
  to.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
           static_cast<double>(from.virtual_bytes));
  to.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
           from.start_seconds);
  to.gauge("troupe_process_threads", "Threads of this process.", static_cast<double>(from.threads));
}

void write_edges(const std::vector<edge_source>& from, family_writer& to) {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  for (const auto& source : from) {
    received += source.edge->bytes_received.get();
    sent += source.edge->bytes_sent.get();
  }
  to.counter("etcd_network_client_grpc_received_bytes_total",
             "The total number of bytes received from clients.", received);
  to.counter("etcd_network_client_grpc_sent_bytes_total",
             "The total number of bytes sent to clients.", sent);
  auto per_edge = [&](const char* name, const char* help, prometheus::MetricType type,
                      edge_counter edge_counters::*which, double unit = 1) {
    to.begin(name, help, type);
    for (const auto& source : from)
      to.sample({{"edge", std::to_string(source.number)}},
                static_cast<double>(((*source.edge).*which).get()) * unit);
  };
  using enum prometheus::MetricType;
  per_edge("troupe_edge_connections", "Open client connections.", Gauge,
           &edge_counters::connections_open);
  per_edge("troupe_edge_connections_accepted_total", "Client connections accepted.", Counter,
           &edge_counters::connections_accepted);
  per_edge("troupe_edge_connections_cut_total",
           "Client connections ended for misbehaviour or silence.", Counter,
           &edge_counters::connections_cut);
  per_edge("troupe_edge_accept_pauses_total",
           "Ticks at which no connection was accepted because of a limit.", Counter,
           &edge_counters::accept_pauses);
  per_edge("troupe_edge_batches_total", "Batches of client events handed on.", Counter,
           &edge_counters::batches);
  per_edge("troupe_edge_events_total", "Client events handed on.", Counter, &edge_counters::events);
  per_edge("troupe_edge_answers_total", "Steps of answers taken.", Counter,
           &edge_counters::answers);
  per_edge("troupe_edge_http_requests_total", "HTTP/1.1 requests handed on.", Counter,
           &edge_counters::http_requests);
  per_edge("troupe_edge_loop_lag_seconds", "How late the last tick of the multiplexer came.", Gauge,
           &edge_counters::loop_lag_microseconds, 1e-6);
  per_edge("troupe_edge_loop_lag_max_seconds",
           "The latest that a tick of the multiplexer ever came.", Gauge,
           &edge_counters::max_loop_lag_microseconds, 1e-6);
}

} // namespace troupe::metrics
