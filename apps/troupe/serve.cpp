#include "apps/troupe/serve.hpp"

#include "actors/log/log.hpp"
#include "actors/node/node.hpp"
#include "apps/troupe/version.hpp"
#include "messages/version.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace troupe {

namespace {

/// How long open calls may take to end after the first signal.
constexpr std::chrono::seconds drain_time{5};

/// etcd serves nobody before there is a leader; here, what needs none is served after this.
constexpr std::chrono::seconds leader_patience{7};

sigset_t end_signals() {
  sigset_t result;
  sigemptyset(&result);
  sigaddset(&result, SIGINT);
  sigaddset(&result, SIGTERM);
  return result;
}

/// Waits for the first signal; the next one has its default effect: the process ends at once.
int wait_for_end() {
  auto awaited = end_signals();
  int received = 0;
  sigwait(&awaited, &received);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &awaited, nullptr);
  return received;
}

std::string text_of(const listen_address& one) {
  bool is_ipv6 = one.host.find(':') != one.host.npos;
  return (is_ipv6 ? "[" + one.host + "]" : one.host) + ":" + std::to_string(one.port);
}

std::vector<std::string> texts_of(const std::vector<listen_address>& addresses) {
  std::vector<std::string> result;
  for (const auto& one : addresses)
    result.push_back("http://" + text_of(one));
  return result;
}

void log_start(const options::server_options& wanted) {
  const auto& node = wanted.node;
  for (const auto& one : wanted.notices)
    log::write(one.at, one.message, one.with);
  log::info("starting an etcd server",
            {{"etcd-version", etcd_version},
             {"troupe-commit", git_commit()},
             {"name", node.name},
             {"data-dir", node.data_dir},
             {"heartbeat-interval", std::chrono::milliseconds{node.heartbeat_interval_ms}},
             {"election-timeout", std::chrono::milliseconds{node.election_timeout_ms}},
             {"listen-peer-urls", texts_of(node.listen_peer)},
             {"listen-client-urls", texts_of(node.listen_client)},
             {"initial-advertise-peer-urls", node.advertise_peer_urls},
             {"advertise-client-urls", node.advertise_client_urls},
             {"initial-cluster", wanted.initial_cluster},
             {"initial-cluster-token", node.cluster_token},
             {"quota-backend-bytes", node.quota_bytes},
             {"max-txn-ops", node.max_txn_ops},
             {"max-request-bytes", node.max_request_bytes},
             {"memory-budget-bytes", node.memory_budget_bytes},
             {"auto-compaction-period", node.auto_compaction.period},
             {"auto-compaction-revisions", node.auto_compaction.revisions}});
}

void log_serving(const node& running, const node_config& config) {
  log::info("now serving peer/client/metrics",
            {{"local-member-id", fmt::format("{:x}", running.id().value)},
             {"cluster-id", fmt::format("{:x}", running.cluster().value)},
             {"initial-advertise-peer-urls", config.advertise_peer_urls},
             {"listen-client-urls", texts_of(running.client_addresses())}});
  log::info("ready to serve client requests");
  for (const auto& address : running.client_addresses())
    log::info("serving client traffic insecurely; this is strongly discouraged!",
              {{"traffic", "grpc+http"}, {"address", text_of(address)}});
  if (auto addresses = texts_of(running.subscription_addresses()); !addresses.empty())
    log::info("serving subscriptions of programs on this machine",
              {{"listen-subscription-urls", addresses}});
}

/// etcd looks at the cluster state only where there are no data yet; joining is not available, nor
/// is a cluster of several.
void check_cluster(const options::server_options& wanted) {
  if (wanted.node.initial_cluster.size() > 1)
    throw options::option_error(1, "--initial-cluster " + wanted.initial_cluster
                                     + ": a cluster of several members is not available yet");
  std::error_code unreadable;
  bool empty = std::filesystem::is_empty(wanted.node.data_dir, unreadable);
  if (wanted.join_existing && (unreadable || empty))
    throw options::option_error(1, "--initial-cluster-state existing: joining a cluster is not "
                                   "available yet, and "
                                     + wanted.node.data_dir.string() + " holds no data");
}

[[noreturn]] void end_now(const std::string& reason) {
  log::fatal("the node ended", {{"error", reason}});
  log::flush();
  std::_Exit(1);
}

} // namespace

void block_end_signals() {
  auto blocked = end_signals();
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
}

int serve(const options::server_options& wanted) {
  log::configure(wanted.log);
  log_start(wanted);
  check_cluster(wanted);
  auto config = wanted.node;
  config.on_fatal = end_now;
  auto running = node::launch(config);
  if (!running->await_leader(leader_patience))
    log::warn("no leader yet; serving what needs none");
  log_serving(*running, config);
  sd_notify(0, "READY=1");
  auto received = wait_for_end();
  sd_notify(0, "STOPPING=1");
  log::info("received signal; shutting down",
            {{"signal", received == SIGINT ? "interrupt" : "terminated"}});
  log::info("closing etcd server", {{"name", config.name}, {"data-dir", config.data_dir}});
  running->shutdown(drain_time);
  running.reset();
  log::info("closed etcd server", {{"name", config.name}, {"data-dir", config.data_dir}});
  return 0;
}

} // namespace troupe
