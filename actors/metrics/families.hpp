#pragma once

#include "actors/edge/edge_counters.hpp"
#include "actors/metrics/counters.hpp"
#include "actors/metrics/family_writer.hpp"
#include "actors/metrics/node_metrics.hpp"
#include "actors/metrics/process_stats.hpp"
#include "actors/metrics/rpc_counters.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace troupe::metrics {

/// One edge and what it counts in.
struct edge_source {
  std::uint32_t number = 0;
  std::shared_ptr<const edge_counters> edge;
  std::shared_ptr<const rpc_counters> calls;
};

// Each shows one group of metrics.

void write_raft(const node_counters& from, family_writer& to);
void write_storage(const storage_counters& from, family_writer& to);
void write_apply(const apply_counters& from, family_writer& to);
void write_reads(const read_counters& from, family_writer& to);
void write_leases(const lease_counters& from, family_writer& to);
void write_watches(const watch_counters& from, family_writer& to);
/// Operations on the store, wherever they ran.
void write_operations(const node_counters& from, family_writer& to);
void write_store(const store_numbers& from, family_writer& to);
/// One sample per active alarm.
void write_alarms(const alarm_gauges& from, std::string_view server_id, family_writer& to);
void write_maintenance(const maintenance_counters& from, family_writer& to);
void write_process(const process_stats& from, family_writer& to);
void write_edges(const std::vector<edge_source>& from, family_writer& to);
/// `grpc_server_*` and `etcd_server_client_requests_total`, summed over all edges.
void write_calls(const std::vector<edge_source>& from, family_writer& to);

} // namespace troupe::metrics
