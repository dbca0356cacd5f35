#include "actors/metrics/node_metrics.hpp"

#include "actors/metrics/families.hpp"
#include "actors/metrics/family_writer.hpp"
#include "actors/metrics/process_stats.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <utility>

namespace troupe::metrics {

namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

std::string hex(std::uint64_t number) {
  char text[17];
  auto size = std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(number));
  return {text, static_cast<std::size_t>(size)};
}

} // namespace

/// Rare events live in the registry; what is counted often is collected from plain counters at each
/// scrape.
struct node_metrics::parts {
  parts(const metrics_identity& identity, metrics_detail detail,
        std::shared_ptr<node_counters> counters);

  std::vector<prometheus::MetricFamily> collect() const;

  std::string server_id;
  metrics_detail detail;
  std::shared_ptr<node_counters> counters;

  mutable std::mutex mutex;
  std::vector<edge_source> edges;
  /// Whose calls come through no edge: without counters of one.
  std::vector<edge_source> callers;
  std::function<store_numbers()> store;
  std::vector<std::function<void(family_writer&)>> more;

  prometheus::Registry registry;
  prometheus::Counter& health_success;
  prometheus::Counter& health_failures;
  prometheus::Family<prometheus::Gauge>& check_results;
  prometheus::Family<prometheus::Counter>& checks;
};

node_metrics::parts::parts(const metrics_identity& identity, metrics_detail detail,
                           std::shared_ptr<node_counters> counters)
    : server_id(hex(identity.member.value)), detail(detail), counters(std::move(counters)),
      health_success(BuildCounter()
                       .Name("etcd_server_health_success")
                       .Help("The total number of successful health checks")
                       .Register(registry)
                       .Add({})),
      health_failures(BuildCounter()
                        .Name("etcd_server_health_failures")
                        .Help("The total number of failed health checks")
                        .Register(registry)
                        .Add({})),
      check_results(BuildGauge()
                      .Name("etcd_server_healthcheck")
                      .Help("The result of each kind of healthcheck.")
                      .Register(registry)),
      checks(BuildCounter()
               .Name("etcd_server_healthchecks_total")
               .Help("The total number of each kind of healthcheck.")
               .Register(registry)) {
  auto fixed = [this](const char* name, const char* help, prometheus::Labels labels, double value) {
    BuildGauge().Name(name).Help(help).Register(registry).Add(labels).Set(value);
  };
  fixed("etcd_server_id", "Server or member ID in hexadecimal format. 1 for 'server_id' label.",
        {{"server_id", server_id}}, 1);
  fixed("etcd_server_version", "Which version is running. 1 for 'server_version' label.",
        {{"server_version", identity.server_version}}, 1);
  fixed("etcd_cluster_version", "Which version is running. 1 for 'cluster_version' label.",
        {{"cluster_version", identity.cluster_version}}, 1);
  fixed("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.", {},
        static_cast<double>(std::max<std::int64_t>(identity.quota_bytes, 0)));
}

std::vector<prometheus::MetricFamily> node_metrics::parts::collect() const {
  family_writer to;
  write_raft(*counters, to);
  write_storage(counters->storage, to);
  write_apply(counters->apply, to);
  write_reads(counters->reads, to);
  write_leases(counters->leases, to);
  write_watches(counters->watches, to);
  write_operations(*counters, to);
  write_alarms(counters->alarms, server_id, to);
  write_maintenance(counters->maintenance, to);
  {
    std::lock_guard guard{mutex};
    if (store)
      write_store(store(), to);
    write_edges(edges, to);
    auto calling = edges;
    std::ranges::copy(callers, std::back_inserter(calling));
    write_calls(calling, to);
    for (const auto& write : more)
      write(to);
  }
  if (auto process = read_process_stats())
    write_process(*process, to);
  auto families = to.take();
  std::ranges::move(registry.Collect(), std::back_inserter(families));
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  return families;
}

node_metrics::node_metrics(metrics_identity identity, metrics_detail detail,
                           std::shared_ptr<node_counters> counters)
    : parts_(std::make_unique<parts>(identity, detail, std::move(counters))) {}

node_metrics::~node_metrics() = default;

const std::shared_ptr<node_counters>& node_metrics::counters() const {
  return parts_->counters;
}

std::shared_ptr<rpc_counters>
node_metrics::add_edge(std::uint32_t number, std::shared_ptr<const edge_counters> counters) {
  auto calls = std::make_shared<rpc_counters>(parts_->detail == metrics_detail::extensive);
  std::lock_guard guard{parts_->mutex};
  parts_->edges.push_back({number, std::move(counters), calls});
  return calls;
}

std::shared_ptr<rpc_counters> node_metrics::add_caller() {
  auto calls = std::make_shared<rpc_counters>(parts_->detail == metrics_detail::extensive);
  std::lock_guard guard{parts_->mutex};
  parts_->callers.push_back({.edge = nullptr, .calls = calls});
  return calls;
}

void node_metrics::set_store(std::function<store_numbers()> numbers) {
  std::lock_guard guard{parts_->mutex};
  parts_->store = std::move(numbers);
}

void node_metrics::add_families(std::function<void(family_writer&)> more) {
  std::lock_guard guard{parts_->mutex};
  parts_->more.push_back(std::move(more));
}

void node_metrics::health_answered(bool healthy) {
  (healthy ? parts_->health_success : parts_->health_failures).Increment();
}

void node_metrics::check_answered(std::string_view page, std::string_view check, bool ok) {
  std::string type{page};
  std::string name{check};
  parts_->check_results.Add({{"type", type}, {"name", name}}).Set(ok ? 1 : 0);
  parts_->checks.Add({{"type", type}, {"name", name}, {"status", ok ? "success" : "error"}})
    .Increment();
}

std::string node_metrics::text() const {
  return prometheus::TextSerializer{}.Serialize(parts_->collect());
}

} // namespace troupe::metrics
