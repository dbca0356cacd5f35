#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::bench {

enum class command : std::uint8_t {
  help,
  put,
  range,
  watch_create,
  watch_fanout,
  lease_grant,
  lease_keepalive,
  lease_expire,
};

struct endpoint {
  std::string host; // name or address, IPv6 without brackets
  std::string port;

  bool operator==(const endpoint&) const = default;
};

/// What the command line says. A field whose flag the command does not have is at its default here;
/// the others start from the presets of the command (flag_table.cpp), which --help shows.
struct settings {
  command wanted = command::help;
  /// For command::help: what to print.
  std::string help_text;

  std::string endpoint_list; // as given
  std::vector<endpoint> endpoints;
  std::uint64_t connections = 1;
  /// In all, not per connection.
  std::uint64_t streams = 1;
  std::uint64_t threads = 1;

  /// 0: as many as fit into the duration.
  std::uint64_t total = 0;
  /// 0: until `total` is reached.
  double duration_seconds = 0;
  /// Calls per second; 0: closed loop.
  double rate = 0;

  std::uint64_t keys = 1;
  std::uint64_t first = 0;
  std::uint64_t key_size = 32;
  std::uint64_t value_size = 0;
  std::string prefix;
  std::uint64_t seed = 0;
  bool serializable = false;
  std::uint64_t keys_per_range = 1;
  std::uint64_t verify = 0;

  std::uint64_t watchers = 0;
  std::uint64_t pipeline = 1;
  std::uint64_t on_key = 0; // at most `watchers`
  std::uint64_t puts = 0;
  /// Puts of the watched key for `duration_seconds`; else `puts` single ones.
  bool steady = false;
  std::uint64_t stall = 0;
  double hold_seconds = 0;

  std::uint64_t leases = 0;
  std::uint64_t ttl_seconds = 0;
  bool together = false;
  bool attach = false;

  double background_puts = 0;
  double before_seconds = 0;

  std::uint64_t server_pid = 0; // 0: none
  double timeout_seconds = 30;
  std::string output;
};

/// The command line is wrong; the text is one line and says what would be right.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// @param arguments after the program's name.
/// @throws usage_error
settings read_settings(std::span<const std::string> arguments);

} // namespace troupe::bench
