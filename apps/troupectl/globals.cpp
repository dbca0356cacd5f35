#include "apps/troupectl/globals.hpp"

#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/printers/go_json.hpp"

#include <algorithm>
#include <array>
#include <ostream>

namespace troupe::ctl {

namespace {

constexpr std::string_view no_discovery = "endpoints are not looked up in DNS; use --endpoints";
constexpr std::string_view no_users = "there is no authentication yet";

constexpr auto globals = std::to_array<flag>({
  {"cacert", flag_kind::text, "",
   "verify certificates of TLS-enabled secure servers using this CA bundle"},
  {"cert", flag_kind::text, "", "identify secure client using this TLS certificate file"},
  {"command-timeout", flag_kind::duration, "5s",
   "timeout for short running command (excluding dial timeout)"},
  {"debug", flag_kind::boolean, "false", "enable client-side debug logging"},
  {"dial-timeout", flag_kind::duration, "2s", "dial timeout for client connections"},
  {"discovery-srv", flag_kind::text, "",
   "domain name to query for SRV records describing cluster endpoints", 'd', "", no_discovery},
  {"discovery-srv-name", flag_kind::text, "", "service name to query when using DNS discovery", 0,
   "", no_discovery},
  {"endpoints", flag_kind::list, "127.0.0.1:2379", "gRPC endpoints"},
  {"hex", flag_kind::boolean, "false", "print byte strings as hex encoded strings"},
  {"insecure-discovery", flag_kind::boolean, "true",
   "accept insecure SRV records describing cluster endpoints", 0, "", no_discovery},
  {"insecure-skip-tls-verify", flag_kind::boolean, "false",
   "skip server certificate verification (CAUTION: this option should be enabled only for testing "
   "purposes)",
   0, "", "certificates are always verified; name their CA with --cacert"},
  {"insecure-transport", flag_kind::boolean, "true",
   "disable transport security for client connections"},
  {"keepalive-time", flag_kind::duration, "2s", "keepalive time for client connections"},
  {"keepalive-timeout", flag_kind::duration, "6s", "keepalive timeout for client connections"},
  {"key", flag_kind::text, "", "identify secure client using this TLS key file"},
  {"max-recv-bytes", flag_kind::integer, "0",
   "client-side response receive limit in bytes (if 0, it defaults to \"math.MaxInt32\")"},
  {"max-request-bytes", flag_kind::integer, "0",
   "client-side request send limit in bytes (if 0, it defaults to 2.0 MiB (2 * 1024 * 1024).)"},
  {"password", flag_kind::text, "",
   "password for authentication (if this option is used, --user option shouldn't include password)",
   0, "", no_users},
  {"user", flag_kind::text, "",
   "username[:password] for authentication (prompt if password is not supplied)", 0, "", no_users},
  {"write-out", flag_kind::text, "simple",
   "set the output format (fields, json, protobuf, simple, table)", 'w',
   "fields json protobuf simple table"},
});

constexpr auto added_globals = std::to_array<flag>({
  {"output", flag_kind::text, "simple",
   "as --write-out, but json shows keys and values that are text as text, others as "
   "{\"base64\":\"...\"}",
   'o', "fields json protobuf simple table", "", true},
  {"base64", flag_kind::boolean, "false", "with -o json: all keys and values in base64, as -w json",
   0, "", "", true},
});

std::string variable_of(const flag& one) {
  std::string name = "ETCDCTL_";
  for (auto c : one.name)
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

const flag* global_of(std::string_view variable) {
  auto found =
    std::ranges::find_if(globals, [&](const flag& one) { return variable_of(one) == variable; });
  return found == globals.end() ? nullptr : &*found;
}

/// Not settings of a flag: what `watch` reads, and the choice of the API, of which there is one.
bool is_known_otherwise(std::string_view variable) {
  return variable == "ETCDCTL_WATCH_KEY" || variable == "ETCDCTL_WATCH_RANGE_END"
         || variable == "ETCDCTL_API";
}

void apply_variable(flag_values& flags, std::string_view name, std::string_view value) {
  const auto* known = global_of(name);
  if (value.empty() || known == nullptr)
    return;
  if (flags.given(known->name))
    throw command_failed(exit_error, "conflicting environment variable \"" + std::string{name}
                                       + "\" is shadowed by corresponding command-line flag "
                                         "(either unset environment variable or disable flag)");
  if (problem_of(known->kind, value).empty())
    flags.set(*known, value, known->name);
}

std::string refuse_empty(const flag_values& flags, std::string_view name) {
  auto text = flags.text(name);
  if (text.empty() && flags.given(name))
    throw command_failed(exit_bad_arguments,
                         "empty string is passed to --" + std::string{name} + " option");
  return text;
}

void refuse_missing(const flag_values& flags) {
  for (const auto* one : flags.known())
    if (!one->missing.empty() && flags.text(one->name) != one->preset)
      throw command_failed(exit_bad_feature, "--" + std::string{one->name}
                                               + " is not supported: " + std::string{one->missing});
}

} // namespace

std::span<const flag> global_flags() {
  return globals;
}

std::span<const flag> added_global_flags() {
  return added_globals;
}

void apply_environment(flag_values& flags, std::span<const std::string> environment,
                       std::ostream& err) {
  for (const auto& one : environment) {
    auto equals = one.find('=');
    auto name = std::string_view{one}.substr(0, equals);
    if (equals == one.npos || !name.starts_with("ETCDCTL_") || is_known_otherwise(name))
      continue;
    if (global_of(name) == nullptr)
      err << R"({"level":"warn","msg":"unrecognized environment variable",)"
          << R"("environment-variable":)" << go::json_string(one) << "}\n";
    apply_variable(flags, name, std::string_view{one}.substr(equals + 1));
  }
}

void print_settings(const flag_values& flags, std::ostream& err) {
  for (const auto& one : globals) {
    bool list = one.kind == flag_kind::list;
    err << variable_of(one) << '=' << (list ? "[" : "") << flags.text(one.name) << (list ? "]" : "")
        << '\n';
  }
}

client_options connection_of(const flag_values& flags) {
  refuse_missing(flags);
  auto bytes = [&](std::string_view name) {
    constexpr std::int64_t greatest = 0x7fffffff;
    return static_cast<int>(std::clamp<std::int64_t>(flags.integer(name), 0, greatest));
  };
  client_options result;
  result.endpoints = flags.list("endpoints");
  result.dial_timeout = flags.duration("dial-timeout");
  result.command_timeout = flags.duration("command-timeout");
  result.keepalive_time = flags.duration("keepalive-time");
  result.keepalive_timeout = flags.duration("keepalive-timeout");
  result.max_request_bytes = bytes("max-request-bytes");
  result.max_receive_bytes = bytes("max-recv-bytes");
  result.insecure = flags.boolean("insecure-transport");
  result.tls = {.ca = refuse_empty(flags, "cacert"),
                .certificate = refuse_empty(flags, "cert"),
                .key = refuse_empty(flags, "key")};
  return result;
}

} // namespace troupe::ctl
