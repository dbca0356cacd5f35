#include "apps/troupe/checks.hpp"

#include "actors/log/log.hpp"
#include "apps/troupe/nearest.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <limits>
#include <map>
#include <set>

namespace troupe::options {

namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw option_error(1, text);
}

std::string in_quotes(std::string_view text) {
  return '"' + std::string{text} + '"';
}

constexpr std::string_view url_flags[] = {"listen-peer-urls", "listen-client-urls",
                                          "initial-advertise-peer-urls", "advertise-client-urls",
                                          "listen-subscription-urls"};

/// Another text could never be what a browser sends.
void check_origins(const settings& given) {
  for (const auto& origin : given.list("cors"))
    if (origin != "*" && !origin.starts_with("http://") && !origin.starts_with("https://"))
      refuse("--cors " + origin + ": an origin is \"*\" or has the form http://host:port");
}

void check_scheme(std::string_view flag_name, const url& one) {
  if (one.scheme == "http")
    return;
  auto missing = one.scheme == "https" ? "TLS is not available yet"
                                       : "unix domain sockets are not available yet";
  refuse("--" + std::string{flag_name} + " " + one.to_string() + ": " + missing);
}

bool is_ip(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1
         || inet_pton(AF_INET6, host.c_str(), address) == 1;
}

void check_bindable(const url& one) {
  if (one.host != "localhost" && !is_ip(one.host))
    refuse("expected IP in URL for binding (" + one.to_string() + ")");
}

/// What reaches this port is trusted, so only this machine may, while there is no mutual TLS.
void check_subscription_urls(const settings& given) {
  for (const auto& one : given.urls("listen-subscription-urls")) {
    boost::system::error_code no_ip;
    auto address = boost::asio::ip::make_address(one.host, no_ip);
    if (one.host != "localhost" && (no_ip || !address.is_loopback()))
      refuse("--listen-subscription-urls " + one.to_string()
             + ": only loopback addresses, while there is no mutual TLS");
  }
}

std::vector<std::string> texts(const std::vector<url>& urls) {
  std::vector<std::string> result;
  for (const auto& one : urls)
    result.push_back(one.to_string());
  return result;
}

std::string joined(const std::vector<std::string>& urls) {
  std::string result;
  for (const auto& one : urls)
    result += (result.empty() ? "" : ",") + one;
  return result;
}

void check_advertised(const settings& given, std::string_view flag_name, std::string_view form) {
  auto urls = given.urls(flag_name);
  for (const auto& one : urls)
    if (one.host.empty())
      refuse("--" + std::string{flag_name} + " " + in_quotes(joined(texts(urls))) + " must be "
             + std::string{form} + " (unexpected empty host (" + one.to_string() + "))");
}

void check_one_of(const settings& given, std::string_view flag_name,
                  const std::vector<std::string_view>& allowed, std::string_view complaint) {
  auto text = given.text(flag_name);
  if (std::ranges::find(allowed, text) == allowed.end())
    refuse(std::string{complaint} + " " + in_quotes(text));
}

void check_range(const settings& given, std::string_view flag_name, std::uint64_t least,
                 std::uint64_t most) {
  auto value = given.count(flag_name);
  if (value < least || value > most)
    refuse("--" + std::string{flag_name} + " must be between " + std::to_string(least) + " and "
           + std::to_string(most) + " (set to " + std::to_string(value) + ")");
}

void check_feature_gates(const settings& given) {
  static const std::vector<std::string_view> gates = {"CompactHashCheck",
                                                      "FastLeaseKeepAlive",
                                                      "InitialCorruptCheck",
                                                      "LeaseCheckpoint",
                                                      "LeaseCheckpointPersist",
                                                      "PriorityRequest",
                                                      "SetMemberLocalAddr",
                                                      "StopGRPCServiceOnDefrag",
                                                      "TxnModeWriteWithSharedBuffer",
                                                      "AllAlpha",
                                                      "AllBeta"};
  bool checkpoint = false;
  bool persist = false;
  for (const auto& part : given.list("feature-gates")) {
    auto equals = part.find('=');
    if (equals == part.npos)
      refuse("missing bool value for " + part);
    auto name = part.substr(0, equals);
    auto value = parse_boolean(part.substr(equals + 1));
    if (!value)
      refuse("invalid value of " + name + "=" + part.substr(equals + 1));
    if (std::ranges::find(gates, name) == gates.end()) {
      auto close = nearest(name, gates);
      refuse("unrecognized feature gate: " + name
             + (close.empty() ? "" : "; did you mean " + std::string{close} + "?"));
    }
    checkpoint = name == "LeaseCheckpoint" ? *value : checkpoint;
    persist = name == "LeaseCheckpointPersist" ? *value : persist;
  }
  if (persist && !checkpoint)
    refuse("enabling feature gate LeaseCheckpointPersist requires enabling feature gate "
           "LeaseCheckpoint");
}

void check_compaction(const settings& given) {
  check_one_of(given, "auto-compaction-mode", {"periodic", "revision"},
               "unknown auto-compaction-mode");
  auto text = given.text("auto-compaction-retention");
  auto number = parse_integer(text);
  auto span = parse_duration(text);
  if (!number && !span)
    refuse("error parsing CompactionRetention: time: invalid duration " + in_quotes(text));
  if (given.text("auto-compaction-mode") == "revision" && !number)
    refuse("--auto-compaction-retention must be a number of revisions (set to " + text + ")");
  if ((number && *number < 0) || (span && span->count() < 0))
    refuse("--auto-compaction-retention must not be negative (set to " + text + ")");
  constexpr auto most_hours = std::numeric_limits<std::int64_t>::max() / 3'600'000'000'000;
  if (given.text("auto-compaction-mode") == "periodic" && number && *number > most_hours)
    refuse("--auto-compaction-retention is too long (set to " + text + ")");
}

void check_durations(const settings& given) {
  for (std::string_view flag_name :
       {"grpc-keepalive-min-time", "grpc-keepalive-interval", "grpc-keepalive-timeout",
        "compaction-sleep-interval", "warning-apply-duration", "warning-unary-request-duration"})
    if (given.duration(flag_name).count() < 0)
      refuse("--" + std::string{flag_name} + " must not be negative (set to "
             + log::show(given.duration(flag_name)) + ")");
  if (given.duration("compact-hash-check-time").count() <= 0)
    refuse("--compact-hash-check-time must be >0 (set to "
           + log::show(given.duration("compact-hash-check-time")) + ")");
}

} // namespace

void check_nothing_missing(const settings& given) {
  if (given.text("discovery-fallback") == "proxy")
    refuse("v2 proxy is deprecated, and --discovery-fallback can't be configured as \"proxy\"");
  for (const auto& [name, which] : given.flags())
    if (which->treated == treatment::refused && given.differs(*which))
      refuse("--" + name + ": " + std::string{which->missing});
}

void check_urls(const settings& given) {
  for (auto flag_name : url_flags)
    for (const auto& one : given.urls(flag_name))
      check_scheme(flag_name, one);
  for (std::string_view flag_name : {"listen-peer-urls", "listen-client-urls"})
    for (const auto& one : given.urls(flag_name))
      check_bindable(one);
  check_subscription_urls(given);
  check_advertised(given, "initial-advertise-peer-urls", "\"host:port\"");
  check_advertised(given, "advertise-client-urls",
                   "in the format \"host:port\", \"unix:/path/to/socket\" or "
                   "\"unixs:/path/to/socket\"");
}

void check_timing(const settings& given) {
  auto heartbeat = given.count("heartbeat-interval");
  auto election = given.count("election-timeout");
  auto ms = [](std::uint64_t count) { return std::to_string(count) + "ms"; };
  if (heartbeat == 0)
    refuse("--heartbeat-interval must be >0 (set to 0ms)");
  if (election == 0)
    refuse("--election-timeout must be >0 (set to 0ms)");
  if (heartbeat > election / 5)
    refuse("--election-timeout[" + ms(election) + "] should be at least as 5 times as "
           + "--heartbeat-interval[" + ms(heartbeat) + "]");
  constexpr std::uint64_t longest = 50'000;
  if (election > longest)
    refuse("--election-timeout[" + ms(election) + "] is too long, and should be set less than "
           + ms(longest));
}

std::vector<founding_member> founding_cluster(const settings& given) {
  std::map<std::string, std::vector<std::string>> urls_of;
  if (!given.is_set("initial-cluster"))
    urls_of[given.text("name")] = texts(given.urls("initial-advertise-peer-urls"));
  else
    for (const auto& part : given.list("initial-cluster")) {
      auto equals = part.find('=');
      auto name = part.substr(0, equals);
      if (equals == part.npos || equals + 1 == part.size())
        refuse("empty URL given for " + in_quotes(name));
      auto urls = parse_urls(part.substr(equals + 1));
      if (!urls.problem.empty())
        refuse(urls.problem);
      check_scheme("initial-cluster", urls.urls.front());
      urls_of[name].push_back(urls.urls.front().to_string());
    }
  std::vector<founding_member> result;
  for (auto& [name, urls] : urls_of) {
    std::ranges::sort(urls);
    result.push_back({name, std::move(urls)});
  }
  return result;
}

void check_cluster(const settings& given) {
  auto state = given.text("initial-cluster-state");
  if (state != "new" && state != "existing")
    refuse("unexpected clusterState " + in_quotes(state));
  auto name = given.text("name");
  auto advertised = texts(given.urls("initial-advertise-peer-urls"));
  std::set<std::string> seen;
  const founding_member* self = nullptr;
  auto members = founding_cluster(given);
  for (const auto& member : members) {
    if (member.name == name)
      self = &member;
    for (const auto& one : member.peer_urls)
      if (!seen.insert(one).second)
        refuse("initial cluster " + given.text("initial-cluster") + " has duplicate url " + one);
  }
  if (!self)
    refuse("couldn't find local name " + in_quotes(name) + " in the initial cluster configuration");
  if (self->peer_urls != advertised)
    refuse("--initial-cluster has " + joined(self->peer_urls)
           + " but --initial-advertise-peer-urls is " + joined(advertised));
}

void check_values(const settings& given) {
  check_origins(given);
  if (given.text("name").empty())
    refuse("--name must not be empty");
  check_one_of(given, "logger", {"zap"}, "unknown logger option");
  check_one_of(given, "log-format", {"", "json", "console"}, "unknown log format");
  check_one_of(given, "metrics", {"basic", "extensive"}, "unknown metrics level");
  if (!log::parse_level(given.text("log-level")))
    refuse("unrecognized level: " + in_quotes(given.text("log-level")));
  if (given.list("log-outputs").empty())
    refuse("--log-outputs must name at least one output");
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  check_range(given, "max-txn-ops", 1, most);
  check_range(given, "max-request-bytes", 1, std::uint64_t{1} << 30);
  check_range(given, "max-concurrent-streams", 1, most);
  check_range(given, "compaction-batch-limit", 1, most);
  check_range(given, "client-io-threads", 1, 64);
  check_range(given, "bcrypt-cost", 4, 31);
  constexpr std::uint64_t least_memory = std::uint64_t{64} << 20;
  if (given.bytes("memory-budget-bytes") < least_memory)
    refuse("--memory-budget-bytes must be at least 64M (set to " + given.text("memory-budget-bytes")
           + ")");
  check_feature_gates(given);
  check_compaction(given);
  check_durations(given);
}

} // namespace troupe::options
