#include "actors/metrics/node_metrics.hpp"

#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <unistd.h>

namespace troupe::metrics {
namespace {

using namespace std::chrono_literals;

/// A page as a scraper reads it.
struct page {
  explicit page(const std::string& text) {
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words{line};
      std::string first;
      std::string second;
      std::string name;
      std::string type;
      if (line.starts_with("# TYPE ") && words >> first >> second >> name >> type) {
        EXPECT_TRUE(types.emplace(name, type).second) << "family twice: " << name;
      }
      if (line.empty() || line.starts_with('#'))
        continue;
      auto split = line.rfind(' ');
      EXPECT_TRUE(samples.emplace(line.substr(0, split), line.substr(split + 1)).second)
        << "sample twice: " << line;
    }
  }

  std::string type(const std::string& name) const {
    auto found = types.find(name);
    return found == types.end() ? "" : found->second;
  }

  std::string value(const std::string& sample) const {
    auto found = samples.find(sample);
    return found == samples.end() ? "" : found->second;
  }

  std::size_t count(const std::string& prefix) const {
    std::size_t result = 0;
    for (const auto& [sample, value] : samples)
      result += sample.starts_with(prefix) ? 1 : 0;
    return result;
  }

  std::map<std::string, std::string> types;
  std::map<std::string, std::string> samples;
};

struct node_metrics_test : testing::Test {
  page scrape() const {
    return page{metrics.text()};
  }

  node_metrics metrics{{member_id{0x5c76a90ae78bcee7}, "3.6.14", "3.6", 2'147'483'648},
                       metrics_detail::basic};
  node_counters& counters = *metrics.counters();
  std::shared_ptr<edge_counters> edge = std::make_shared<edge_counters>();
  std::shared_ptr<rpc_counters> calls = metrics.add_edge(1, edge);
};

struct expected_family {
  const char* name;
  const char* type;
  /// One sample that is there before anything happened, and its value; empty: any.
  const char* sample;
  const char* value;
};

// What dashboards and alert rules ask for, as far as a node without peers has
// it (etcd-observability 2). Gauges with `_total` are etcd's.
constexpr expected_family must_have[] = {
  {"etcd_server_has_leader", "gauge", "etcd_server_has_leader", "0"},
  {"etcd_server_is_leader", "gauge", "etcd_server_is_leader", "0"},
  {"etcd_server_is_learner", "gauge", "etcd_server_is_learner", "0"},
  {"etcd_server_leader_changes_seen_total", "counter", "etcd_server_leader_changes_seen_total",
   "0"},
  {"etcd_server_proposals_committed_total", "gauge", "etcd_server_proposals_committed_total", "0"},
  {"etcd_server_proposals_applied_total", "gauge", "etcd_server_proposals_applied_total", "0"},
  {"etcd_server_proposals_pending", "gauge", "etcd_server_proposals_pending", "0"},
  {"etcd_server_proposals_failed_total", "counter", "etcd_server_proposals_failed_total", "0"},
  {"etcd_server_slow_apply_total", "counter", "etcd_server_slow_apply_total", "0"},
  {"etcd_server_slow_read_indexes_total", "counter", "etcd_server_slow_read_indexes_total", "0"},
  {"etcd_server_read_indexes_failed_total", "counter", "etcd_server_read_indexes_failed_total",
   "0"},
  {"etcd_server_id", "gauge", "etcd_server_id{server_id=\"5c76a90ae78bcee7\"}", "1"},
  {"etcd_server_version", "gauge", "etcd_server_version{server_version=\"3.6.14\"}", "1"},
  {"etcd_cluster_version", "gauge", "etcd_cluster_version{cluster_version=\"3.6\"}", "1"},
  {"etcd_server_quota_backend_bytes", "gauge", "etcd_server_quota_backend_bytes", "2147483648"},
  {"etcd_server_health_success", "counter", "etcd_server_health_success", "0"},
  {"etcd_server_health_failures", "counter", "etcd_server_health_failures", "0"},
  {"etcd_disk_wal_fsync_duration_seconds", "histogram",
   "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"}", "0"},
  {"etcd_disk_wal_fsync_duration_seconds", "histogram",
   "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"8.192\"}", "0"},
  {"etcd_disk_wal_fsync_duration_seconds", "histogram",
   "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"}", "0"},
  {"etcd_disk_wal_write_duration_seconds", "histogram",
   "etcd_disk_wal_write_duration_seconds_count", "0"},
  {"etcd_disk_wal_write_bytes_total", "gauge", "etcd_disk_wal_write_bytes_total", "0"},
  {"etcd_disk_backend_commit_duration_seconds", "histogram",
   "etcd_disk_backend_commit_duration_seconds_bucket{le=\"0.256\"}", "0"},
  {"etcd_disk_defrag_inflight", "gauge", "etcd_disk_defrag_inflight", "0"},
  {"etcd_disk_backend_defrag_duration_seconds", "histogram",
   "etcd_disk_backend_defrag_duration_seconds_bucket{le=\"409.6\"}", "0"},
  {"etcd_mvcc_hash_duration_seconds", "histogram",
   "etcd_mvcc_hash_duration_seconds_bucket{le=\"0.01\"}", "0"},
  {"etcd_mvcc_hash_rev_duration_seconds", "histogram",
   "etcd_mvcc_hash_rev_duration_seconds_bucket{le=\"163.84\"}", "0"},
  {"troupe_store_damage_found_total", "counter", "troupe_store_damage_found_total", "0"},
  {"etcd_debugging_mvcc_watch_stream_total", "gauge", "etcd_debugging_mvcc_watch_stream_total",
   "0"},
  {"etcd_debugging_mvcc_watcher_total", "gauge", "etcd_debugging_mvcc_watcher_total", "0"},
  {"etcd_debugging_mvcc_slow_watcher_total", "gauge", "etcd_debugging_mvcc_slow_watcher_total",
   "0"},
  {"etcd_debugging_mvcc_events_total", "counter", "etcd_debugging_mvcc_events_total", "0"},
  {"etcd_debugging_mvcc_pending_events_total", "gauge", "etcd_debugging_mvcc_pending_events_total",
   "0"},
  {"etcd_mvcc_put_total", "counter", "etcd_mvcc_put_total", "0"},
  {"etcd_mvcc_delete_total", "counter", "etcd_mvcc_delete_total", "0"},
  {"etcd_mvcc_range_total", "counter", "etcd_mvcc_range_total", "0"},
  {"etcd_mvcc_txn_total", "counter", "etcd_mvcc_txn_total", "0"},
  {"etcd_debugging_mvcc_total_put_size_in_bytes", "gauge",
   "etcd_debugging_mvcc_total_put_size_in_bytes", "0"},
  {"etcd_debugging_lease_granted_total", "counter", "etcd_debugging_lease_granted_total", "0"},
  {"etcd_debugging_lease_revoked_total", "counter", "etcd_debugging_lease_revoked_total", "0"},
  {"etcd_debugging_lease_renewed_total", "counter", "etcd_debugging_lease_renewed_total", "0"},
  {"etcd_debugging_lease_ttl_total", "histogram",
   "etcd_debugging_lease_ttl_total_bucket{le=\"8388608\"}", "0"},
  {"etcd_debugging_server_lease_expired_total", "counter",
   "etcd_debugging_server_lease_expired_total", "0"},
  {"etcd_network_client_grpc_received_bytes_total", "counter",
   "etcd_network_client_grpc_received_bytes_total", "0"},
  {"etcd_network_client_grpc_sent_bytes_total", "counter",
   "etcd_network_client_grpc_sent_bytes_total", "0"},
  {"grpc_server_started_total", "counter",
   "grpc_server_started_total{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\","
   "grpc_type=\"unary\"}",
   "0"},
  {"grpc_server_handled_total", "counter",
   "grpc_server_handled_total{grpc_code=\"Unavailable\",grpc_method=\"Watch\","
   "grpc_service=\"etcdserverpb.Watch\",grpc_type=\"bidi_stream\"}",
   "0"},
  {"grpc_server_msg_received_total", "counter",
   "grpc_server_msg_received_total{grpc_method=\"LeaseKeepAlive\","
   "grpc_service=\"etcdserverpb.Lease\",grpc_type=\"bidi_stream\"}",
   "0"},
  {"grpc_server_msg_sent_total", "counter",
   "grpc_server_msg_sent_total{grpc_method=\"Snapshot\","
   "grpc_service=\"etcdserverpb.Maintenance\",grpc_type=\"server_stream\"}",
   "0"},
  {"process_resident_memory_bytes", "gauge", "process_resident_memory_bytes", ""},
  {"process_virtual_memory_bytes", "gauge", "process_virtual_memory_bytes", ""},
  {"process_cpu_seconds_total", "counter", "process_cpu_seconds_total", ""},
  {"process_start_time_seconds", "gauge", "process_start_time_seconds", ""},
  {"process_open_fds", "gauge", "process_open_fds", ""},
  {"process_max_fds", "gauge", "process_max_fds", ""},
  {"os_fd_used", "gauge", "os_fd_used", ""},
  {"os_fd_limit", "gauge", "os_fd_limit", ""},
};

TEST_F(node_metrics_test, a_fresh_node_has_what_dashboards_ask_for) {
  auto seen = scrape();
  for (const auto& expected : must_have) {
    SCOPED_TRACE(expected.sample);
    EXPECT_EQ(seen.type(expected.name), expected.type);
    ASSERT_TRUE(seen.samples.contains(expected.sample));
    if (*expected.value != '\0') {
      EXPECT_EQ(seen.value(expected.sample), expected.value);
    }
  }
}

/// A rate over a series that appears only with its first failure misses that failure.
TEST_F(node_metrics_test, every_code_of_every_method_is_there_from_the_start) {
  std::size_t methods = 0;
  for (const auto& shape : rpc_shapes())
    methods += shape.service.starts_with("v3") ? 0 : 1;
  auto seen = scrape();
  EXPECT_EQ(seen.count("grpc_server_started_total{"), methods);
  EXPECT_EQ(seen.count("grpc_server_handled_total{"), methods * grpc_code_count);
  EXPECT_EQ(seen.count("grpc_server_handled_total{grpc_code=\"OK\""), methods);
  EXPECT_EQ(seen.count("grpc_server_handled_total{grpc_code=\"Unauthenticated\""), methods);
}

TEST_F(node_metrics_test, services_that_etcd_registers_late_appear_when_used) {
  const auto* sample = "grpc_server_started_total{grpc_method=\"Lock\","
                       "grpc_service=\"v3lockpb.Lock\",grpc_type=\"unary\"}";
  EXPECT_FALSE(scrape().samples.contains(sample));
  calls->started(rpc_method::lock_lock, "");
  EXPECT_EQ(scrape().value(sample), "1");
}

TEST_F(node_metrics_test, nothing_is_shown_that_nobody_measures) {
  auto seen = scrape();
  for (const char* name : {"etcd_mvcc_db_total_size_in_bytes", "etcd_debugging_mvcc_keys_total",
                           "grpc_server_handling_seconds", "etcd_server_apply_duration_seconds",
                           "etcd_server_range_duration_seconds",
                           "etcd_server_client_requests_total", "etcd_server_healthcheck"})
    EXPECT_EQ(seen.type(name), "") << name;
}

TEST_F(node_metrics_test, calls_of_all_edges_count_together) {
  auto other = metrics.add_edge(2, std::make_shared<edge_counters>());
  calls->started(rpc_method::kv_put, "3.5");
  other->started(rpc_method::kv_put, "3.5");
  other->handled(rpc_method::kv_put, 0, 1ms);
  auto seen = scrape();
  EXPECT_EQ(seen.value("grpc_server_started_total{grpc_method=\"Put\","
                       "grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"}"),
            "2");
  EXPECT_EQ(seen.value("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Put\","
                       "grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"}"),
            "1");
  EXPECT_EQ(
    seen.value("etcd_server_client_requests_total{client_api_version=\"3.5\",type=\"unary\"}"),
    "2");
  EXPECT_EQ(seen.value("troupe_calls_in_flight"), "1");
}

TEST_F(node_metrics_test, a_clients_text_never_becomes_a_label) {
  for (int i = 0; i < 1000; ++i)
    calls->started(rpc_method::kv_put, "evil-" + std::to_string(i));
  auto seen = scrape();
  EXPECT_EQ(seen.count("etcd_server_client_requests_total{"), 1u);
  EXPECT_EQ(
    seen.value("etcd_server_client_requests_total{client_api_version=\"other\",type=\"unary\"}"),
    "1000");
}

TEST_F(node_metrics_test, durations_of_calls_need_extensive) {
  calls->handled(rpc_method::kv_put, 0, 7ms);
  EXPECT_EQ(scrape().type("grpc_server_handling_seconds"), "");
  node_metrics extensive{{}, metrics_detail::extensive};
  auto extended = extensive.add_edge(1, edge);
  extended->handled(rpc_method::kv_put, 0, 7ms);
  page seen{extensive.text()};
  EXPECT_EQ(seen.type("grpc_server_handling_seconds"), "histogram");
  const std::string labels =
    "{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\",le=";
  EXPECT_EQ(seen.value("grpc_server_handling_seconds_bucket" + labels + "\"0.005\"}"), "0");
  EXPECT_EQ(seen.value("grpc_server_handling_seconds_bucket" + labels + "\"0.01\"}"), "1");
  EXPECT_EQ(seen.value("grpc_server_handling_seconds_bucket" + labels + "\"10\"}"), "1");
}

TEST_F(node_metrics_test, leadership_is_followed) {
  counters.raft.note({.role = raft_role::follower, .term = {2}, .leader = {7}, .commit = {9}});
  auto seen = scrape();
  EXPECT_EQ(seen.value("etcd_server_has_leader"), "1");
  EXPECT_EQ(seen.value("etcd_server_is_leader"), "0");
  EXPECT_EQ(seen.value("etcd_server_leader_changes_seen_total"), "1");
  EXPECT_EQ(seen.value("etcd_server_proposals_committed_total"), "9");
  counters.raft.note({.role = raft_role::follower, .term = {2}, .leader = {7}, .commit = {10}});
  EXPECT_EQ(scrape().value("etcd_server_leader_changes_seen_total"), "1") << "the same leader";
  counters.raft.note({.role = raft_role::candidate, .term = {3}});
  EXPECT_EQ(scrape().value("etcd_server_has_leader"), "0");
  EXPECT_EQ(scrape().value("etcd_server_leader_changes_seen_total"), "1") << "lost, none found";
  counters.raft.note({.role = raft_role::leader, .term = {3}, .leader = {1}});
  EXPECT_EQ(scrape().value("etcd_server_is_leader"), "1");
  EXPECT_EQ(scrape().value("etcd_server_leader_changes_seen_total"), "2");
}

TEST_F(node_metrics_test, applied_entries_show_by_operation) {
  counters.apply.applied(apply_op::put, true, 150us);
  counters.apply.applied_index.set(12);
  auto seen = scrape();
  const std::string labels = "{op=\"Put\",success=\"true\",version=\"v3\"";
  EXPECT_EQ(seen.value("etcd_server_apply_duration_seconds_bucket" + labels + ",le=\"0.0001\"}"),
            "0");
  EXPECT_EQ(seen.value("etcd_server_apply_duration_seconds_bucket" + labels + ",le=\"0.0002\"}"),
            "1");
  EXPECT_EQ(seen.value("etcd_server_apply_duration_seconds_sum" + labels + "}"), "0.00015");
  EXPECT_EQ(seen.value("etcd_server_proposals_applied_total"), "12");
}

TEST_F(node_metrics_test, operations_of_applier_and_readers_count_together) {
  counters.apply.ranges.add(2);
  counters.reads.ranges.add(3);
  EXPECT_EQ(scrape().value("etcd_mvcc_range_total"), "5");
}

TEST_F(node_metrics_test, only_active_alarms_are_shown) {
  EXPECT_EQ(scrape().type("etcd_debugging_server_alarms"), "");
  counters.alarms.no_space.set(1);
  auto seen = scrape();
  EXPECT_EQ(seen.type("etcd_debugging_server_alarms"), "gauge");
  EXPECT_EQ(seen.count("etcd_debugging_server_alarms{"), 1u);
  EXPECT_EQ(seen.value("etcd_debugging_server_alarms{alarm_type=\"NOSPACE\","
                       "server_id=\"5c76a90ae78bcee7\"}"),
            "1");
}

TEST_F(node_metrics_test, the_store_is_asked_at_each_scrape) {
  std::int64_t revision = 4;
  metrics.set_store(
    [&] { return store_numbers{.bytes = 4096, .bytes_in_use = 1024, .revision = ++revision}; });
  auto seen = scrape();
  EXPECT_EQ(seen.type("etcd_mvcc_db_total_size_in_bytes"), "gauge");
  EXPECT_EQ(seen.value("etcd_mvcc_db_total_size_in_bytes"), "4096");
  EXPECT_EQ(seen.value("etcd_mvcc_db_total_size_in_use_in_bytes"), "1024");
  EXPECT_EQ(seen.value("etcd_debugging_mvcc_current_revision"), "5");
  EXPECT_EQ(scrape().value("etcd_debugging_mvcc_current_revision"), "6");
  EXPECT_EQ(seen.type("etcd_debugging_mvcc_keys_total"), "") << "not known";
  metrics.set_store({});
  EXPECT_EQ(scrape().type("etcd_mvcc_db_total_size_in_bytes"), "");
}

TEST_F(node_metrics_test, edges_show_their_own_numbers) {
  edge->bytes_received.add(100);
  edge->bytes_sent.add(200);
  edge->loop_lag_microseconds.set(1500);
  auto seen = scrape();
  EXPECT_EQ(seen.value("etcd_network_client_grpc_received_bytes_total"), "100");
  EXPECT_EQ(seen.value("etcd_network_client_grpc_sent_bytes_total"), "200");
  EXPECT_EQ(seen.value("troupe_edge_loop_lag_seconds{edge=\"1\"}"), "0.0015");
}

TEST_F(node_metrics_test, health_pages_and_checks_are_counted) {
  metrics.health_answered(true);
  metrics.health_answered(false);
  metrics.check_answered("readyz", "linearizable_read", true);
  metrics.check_answered("readyz", "linearizable_read", false);
  auto seen = scrape();
  EXPECT_EQ(seen.value("etcd_server_health_success"), "1");
  EXPECT_EQ(seen.value("etcd_server_health_failures"), "1");
  EXPECT_EQ(seen.type("etcd_server_healthcheck"), "gauge");
  EXPECT_EQ(seen.value("etcd_server_healthcheck{name=\"linearizable_read\",type=\"readyz\"}"), "0");
  for (const char* status : {"success", "error"})
    EXPECT_EQ(seen.value("etcd_server_healthchecks_total{name=\"linearizable_read\",status=\""
                         + std::string{status} + "\",type=\"readyz\"}"),
              "1");
}

TEST_F(node_metrics_test, no_limit_shows_as_zero) {
  node_metrics unlimited{{.quota_bytes = -1}, metrics_detail::basic};
  EXPECT_EQ(page{unlimited.text()}.value("etcd_server_quota_backend_bytes"), "0");
}

TEST_F(node_metrics_test, the_process_is_described_as_it_is) {
  auto before = std::stod(scrape().value("process_open_fds"));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(std::stod(scrape().value("process_open_fds")), before + 2);
  close(ends[0]);
  close(ends[1]);
  auto seen = scrape();
  EXPECT_GT(std::stod(seen.value("process_resident_memory_bytes")), 1 << 20);
  EXPECT_GT(std::stod(seen.value("process_virtual_memory_bytes")),
            std::stod(seen.value("process_resident_memory_bytes")));
  auto age =
    static_cast<double>(time(nullptr)) - std::stod(seen.value("process_start_time_seconds"));
  EXPECT_GE(age, -2);
  EXPECT_LT(age, 600);
  EXPECT_GE(std::stod(seen.value("troupe_process_threads")), 1);
}

} // namespace
} // namespace troupe::metrics
