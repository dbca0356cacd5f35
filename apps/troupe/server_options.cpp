#include "apps/troupe/server_options.hpp"

#include "apps/troupe/checks.hpp"
#include "apps/troupe/config_file.hpp"

#include <algorithm>

namespace troupe::options {

namespace {

/// "localhost" listens on 127.0.0.1, as in Go, whatever the resolver names first: etcdctl connects
/// there.
std::vector<listen_address> addresses(const std::vector<url>& urls) {
  std::vector<listen_address> result;
  for (const auto& one : urls)
    result.push_back({one.host == "localhost" ? "127.0.0.1" : one.host, one.port});
  return result;
}

std::vector<std::string> texts(const std::vector<url>& urls) {
  std::vector<std::string> result;
  for (const auto& one : urls)
    result.push_back(one.to_string());
  return result;
}

auto_compaction_config compaction_of(const settings& given) {
  auto_compaction_config result;
  auto number = parse_integer(given.text("auto-compaction-retention"));
  if (given.text("auto-compaction-mode") == "revision")
    result.revisions = *number;
  else
    result.period =
      number ? std::chrono::hours{*number} : given.duration("auto-compaction-retention");
  return result;
}

std::int64_t quota_of(const settings& given) {
  auto bytes = given.integer("quota-backend-bytes");
  return bytes == 0 ? node_config{}.quota_bytes : bytes;
}

node_config node_of(const settings& given) {
  node_config node;
  node.name = given.text("name");
  node.data_dir = given.is_set("data-dir") && !given.text("data-dir").empty()
                    ? given.text("data-dir")
                    : node.name + ".troupe";
  node.listen_client = addresses(given.urls("listen-client-urls"));
  node.listen_peer = addresses(given.urls("listen-peer-urls"));
  node.listen_subscription = addresses(given.urls("listen-subscription-urls"));
  node.advertise_client_urls = texts(given.urls("advertise-client-urls"));
  node.advertise_peer_urls = texts(given.urls("initial-advertise-peer-urls"));
  node.cluster_token = given.text("initial-cluster-token");
  node.initial_cluster = founding_cluster(given);
  node.heartbeat_interval_ms = static_cast<std::uint32_t>(given.count("heartbeat-interval"));
  node.election_timeout_ms = static_cast<std::uint32_t>(given.count("election-timeout"));
  node.quota_bytes = quota_of(given);
  node.max_txn_ops = static_cast<std::uint32_t>(given.count("max-txn-ops"));
  node.max_request_bytes = static_cast<std::uint32_t>(given.count("max-request-bytes"));
  node.max_concurrent_streams = static_cast<std::uint32_t>(given.count("max-concurrent-streams"));
  node.keepalive = {.min_client_interval = given.duration("grpc-keepalive-min-time"),
                    .interval = given.duration("grpc-keepalive-interval"),
                    .timeout = given.duration("grpc-keepalive-timeout")};
  node.watch_progress_notify_interval = given.duration("watch-progress-notify-interval");
  node.auto_compaction = compaction_of(given);
  node.json_gateway = given.boolean("enable-grpc-gateway");
  node.cors = given.list("cors");
  node.host_whitelist = given.list("host-whitelist");
  node.extensive_metrics = given.text("metrics") == "extensive";
  node.memory_budget_bytes = given.bytes("memory-budget-bytes");
  node.threads.edge_systems = static_cast<unsigned>(given.count("client-io-threads"));
  return node;
}

log::settings log_of(const settings& given) {
  auto format = given.text("log-format");
  return {.least = *log::parse_level(given.text("log-level")),
          .shape = format == "json"      ? log::format::json
                   : format == "console" ? log::format::console
                                         : log::format::automatic,
          .outputs = given.list("log-outputs")};
}

/// A setting under its old name is passed on unless today's name is set too.
settings with_successors(const settings& given) {
  auto result = given;
  for (const auto& [name, which] : given.flags())
    if (!which->successor.empty() && !given.is_set(which->successor))
      result.set(*find_flag(which->successor), given.text(name));
  return result;
}

std::vector<std::string> names_of(const settings& given, treatment wanted, bool only_different) {
  std::vector<std::string> result;
  for (const auto& [name, which] : given.flags())
    if (which->treated == wanted && (!only_different || given.differs(*which)))
      result.push_back(name);
  return result;
}

std::vector<notice> notices_of(const settings& given, const node_config& node) {
  std::vector<notice> result;
  auto warn = [&](std::string message, std::vector<log::field> with) {
    result.push_back({log::level::warn, std::move(message), std::move(with)});
  };
  if (auto names = names_of(given, treatment::no_effect, true); !names.empty())
    warn("these flags have no effect", {{"flags", names}});
  if (auto names = names_of(given, treatment::old, false); !names.empty())
    warn("these flags are deprecated; use their present names", {{"flags", names}});
  if (node.name == "default")
    warn("it isn't recommended to use default name, please set a value for --name. Note that etcd "
         "might run into issue when multiple members have the same default name",
         {{"name", node.name}});
  return result;
}

/// Variables and flags that a configuration file silences.
std::vector<notice> silenced(const settings& flags) {
  std::vector<notice> result;
  std::vector<std::string> names;
  for (const auto& [name, which] : flags.flags())
    if (name != "config-file")
      names.push_back(name);
  if (!names.empty())
    result.push_back(
      {log::level::warn, "these flags are ignored beside --config-file", {{"flags", names}}});
  return result;
}

server_options from_file(const std::string& path, const settings& flags) {
  auto result = check(read_config_file(path));
  auto ignored = silenced(flags);
  result.notices.insert(result.notices.begin(), ignored.begin(), ignored.end());
  result.notices.insert(
    result.notices.begin(),
    {log::level::info,
     "loaded server configuration, other configuration command line flags and environment "
     "variables will be ignored if provided",
     {{"path", path}}});
  return result;
}

server_options from_flags(settings given, const environment& variables) {
  auto unknown = add_environment(variables, given);
  if (given.is_set("listen-client-urls") && !given.is_set("advertise-client-urls"))
    throw option_error(1, "--advertise-client-urls is required when --listen-client-urls is set "
                          "explicitly");
  auto result = check(given);
  for (const auto& name : unknown)
    result.notices.push_back(
      {log::level::warn, "unrecognized environment variable", {{"environment-variable", name}}});
  return result;
}

} // namespace

server_options check(const settings& as_given) {
  auto given = with_successors(as_given);
  check_nothing_missing(given);
  check_urls(given);
  check_cluster(given);
  check_timing(given);
  check_values(given);
  server_options result;
  result.node = node_of(given);
  result.log = log_of(given);
  result.join_existing = given.text("initial-cluster-state") == "existing";
  for (const auto& [name, urls] : result.node.initial_cluster)
    for (const auto& one : urls)
      result.initial_cluster += (result.initial_cluster.empty() ? "" : ",") + name + "=" + one;
  result.notices = notices_of(as_given, result.node);
  return result;
}

command read_command(std::span<const std::string> arguments, const environment& variables) {
  auto line = read_command_line(arguments);
  if (line.wanted != action::run)
    return {line.wanted, {}};
  auto path = line.given.text("config-file");
  if (path.empty())
    path = variable_of(variables, "config-file");
  return {action::run, path.empty() ? from_flags(std::move(line.given), variables)
                                    : from_file(path, line.given)};
}

} // namespace troupe::options
