#include "apps/troupe-bench/flag_table.hpp"

#include <algorithm>
#include <array>

namespace troupe::bench {

namespace {

constexpr std::array all_flags{
  // clang-format off
  flag{"connections", &settings::connections, 1, "N", "TCP connections, spread over the endpoints in turn"},
  flag{"streams", &settings::streams, 1, "N", "HTTP/2 streams in all, spread over the connections; of calls: how many are under way at a time"},
  flag{"threads", &settings::threads, 1, "N", "threads that share the connections"},
  flag{"total", &settings::total, 0, "N", "number of calls; 0: as many as --duration allows"},
  flag{"duration", &settings::duration_seconds, 0, "SECONDS", "start no more calls after this time; 0: no limit"},
  flag{"rate", &settings::rate, 0, "PER_SECOND", "open loop: start calls at this rate, whatever becomes of them, and count their latency from when they were meant to start; 0: closed loop"},
  flag{"key-space", &settings::keys, 1, "N", "call i works on key (first + i) modulo this; keys are scattered, not in order"},
  flag{"keys", &settings::keys, 0, "N", "distinct keys that are watched; 1: all watchers on one; 0: each on its own"},
  flag{"first", &settings::first, 0, "N", "number of the first key"},
  flag{"key-size", &settings::key_size, 1, "BYTES", "length of a key after its prefix"},
  flag{"value-size", &settings::value_size, 0, "BYTES", "length of a value; it does not compress"},
  flag{"prefix", &settings::prefix, 0, "TEXT", "what every key starts with"},
  flag{"seed", &settings::seed, 0, "N", "other seeds give other keys and values"},
  flag{"serializable", &settings::serializable, 0, "", "from the member asked, without a round through the leader"},
  flag{"keys-per-range", &settings::keys_per_range, 1, "N", "1: one key; more: from a key on within the prefix, with this limit"},
  flag{"verify", &settings::verify, 0, "N", "check the first N answers against what 'put' with the same key flags writes"},
  flag{"watchers", &settings::watchers, 1, "N", "how many to create"},
  flag{"pipeline", &settings::pipeline, 1, "N", "creations under way on each stream"},
  flag{"on-key", &settings::on_key, 0, "N", "how many of the watchers watch the key that is put, the others other keys; 0: all"},
  flag{"puts", &settings::puts, 1, "N", "single puts, each after the event of the one before has reached every watcher"},
  flag{"steady", &settings::steady, 0, "", "instead of single puts: put the key for --duration, at --rate or as fast as answers come"},
  flag{"stall", &settings::stall, 0, "N", "this many streams, the first of those that watch the key, are not read: they open no window"},
  flag{"hold", &settings::hold_seconds, 0, "SECONDS", "keep the watchers this long before the last figures are taken"},
  flag{"leases", &settings::leases, 1, "N", "how many to grant"},
  flag{"ttl", &settings::ttl_seconds, 1, "SECONDS", "time to live that is asked for"},
  flag{"together", &settings::together, 0, "", "shorten the TTL of later grants so that all leases end within the same second"},
  flag{"attach", &settings::attach, 0, "", "attach a key to each lease and watch them vanish; without: poll the list of leases"},
  flag{"background-puts", &settings::background_puts, 0, "PER_SECOND", "put other keys all the while, at this rate, and report the latency by phase; 0: none"},
  flag{"before", &settings::before_seconds, 0, "SECONDS", "how long background puts are measured before anything else happens"},
  flag{"endpoints", &settings::endpoint_list, 0, "HOST:PORT[,...]", "members to talk to, in clear text (h2c)"},
  flag{"server-pid", &settings::server_pid, 0, "PID", "report CPU time and resident memory of this process; 0: none"},
  flag{"timeout", &settings::timeout_seconds, 0, "SECONDS", "give up when nothing arrives for this long, or an event is this late"},
  flag{"output", &settings::output, 0, "text|json", "for people, or one line of JSON"},
  // clang-format on
};

constexpr std::array common{
  preset{"endpoints", "127.0.0.1:2379"},
  preset{"server-pid", "0"},
  preset{"timeout", "30"},
  preset{"output", "text"},
};

constexpr std::array put_flags{
  preset{"connections", "20"},  preset{"streams", "1000"}, preset{"threads", "1"},
  preset{"total", "100000"},    preset{"duration", "0"},   preset{"rate", "0"},
  preset{"key-space", "10000"}, preset{"first", "0"},      preset{"key-size", "32"},
  preset{"value-size", "256"},  preset{"prefix", ""},      preset{"seed", "0"},
};

constexpr std::array range_flags{
  preset{"connections", "20"},  preset{"streams", "1000"}, preset{"threads", "1"},
  preset{"total", "100000"},    preset{"duration", "0"},   preset{"rate", "0"},
  preset{"key-space", "10000"}, preset{"first", "0"},      preset{"key-size", "32"},
  preset{"value-size", "256"},  preset{"prefix", ""},      preset{"seed", "0"},
  preset{"serializable", ""},   preset{"verify", "0"},     preset{"keys-per-range", "1"},
};

constexpr std::array watch_create_flags{
  preset{"connections", "50"}, preset{"streams", "1000"}, preset{"watchers", "100000"},
  preset{"keys", "0"},         preset{"pipeline", "10"},  preset{"prefix", "watched/"},
  preset{"seed", "0"},         preset{"hold", "0"},
};

constexpr std::array watch_fanout_flags{
  preset{"connections", "50"}, preset{"streams", "1000"},   preset{"watchers", "10000"},
  preset{"on-key", "0"},       preset{"pipeline", "10"},    preset{"prefix", "watched/"},
  preset{"seed", "0"},         preset{"value-size", "256"}, preset{"puts", "10"},
  preset{"steady", ""},        preset{"rate", "0"},         preset{"duration", "10"},
  preset{"stall", "0"},        preset{"before", "5"},       preset{"background-puts", "0"},
};

constexpr std::array lease_grant_flags{
  preset{"connections", "20"}, preset{"streams", "1000"}, preset{"threads", "1"},
  preset{"total", "100000"},   preset{"duration", "0"},   preset{"rate", "0"},
  preset{"ttl", "3600"},
};

constexpr std::array lease_keepalive_flags{
  preset{"connections", "20"}, preset{"streams", "1000"}, preset{"leases", "1000"},
  preset{"ttl", "60"},         preset{"total", "100000"}, preset{"duration", "0"},
  preset{"rate", "0"},
};

constexpr std::array lease_expire_flags{
  preset{"connections", "20"}, preset{"streams", "1000"},      preset{"leases", "10000"},
  preset{"ttl", "10"},         preset{"together", ""},         preset{"attach", ""},
  preset{"prefix", "leased/"}, preset{"background-puts", "0"}, preset{"before", "5"},
};

constexpr std::array all_commands{
  command_entry{command::put, "put", "Puts values.", put_flags,
                "  troupe-bench put --total 1000000 --key-space 1000000\n"
                "  troupe-bench put --rate 5000 --duration 30 --server-pid $(pidof troupe)\n"},
  command_entry{command::range, "range", "Reads keys that 'put' has written.", range_flags,
                "  troupe-bench range --serializable\n"
                "  troupe-bench range --keys-per-range 100 --duration 10\n"},
  command_entry{command::watch_create, "watch-create",
                "Creates watchers and prints the rate and the server's memory for each.",
                watch_create_flags,
                "  troupe-bench watch-create --watchers 100000 --server-pid $(pidof troupe)\n"
                "  troupe-bench watch-create --keys 1\n"},
  command_entry{
    command::watch_fanout, "watch-fanout",
    "Puts a key that many watch: time to the first and to the last watcher, every event "
    "exactly once.",
    watch_fanout_flags,
    "  troupe-bench watch-fanout --watchers 10000 --puts 20 --background-puts 1000\n"
    "  troupe-bench watch-fanout --watchers 1000 --on-key 10 --steady --rate 1000 --stall 1\n"},
  command_entry{command::lease_grant, "lease-grant", "Grants leases.", lease_grant_flags,
                "  troupe-bench lease-grant --total 1000000\n"},
  command_entry{command::lease_keepalive, "lease-keepalive",
                "Renews leases, one renewal at a time on each stream.", lease_keepalive_flags,
                "  troupe-bench lease-keepalive --leases 10000 --rate 5000 --duration 30\n"},
  command_entry{command::lease_expire, "lease-expire",
                "Grants leases, lets them expire and prints how late each was gone.",
                lease_expire_flags,
                "  troupe-bench lease-expire --leases 100000 --ttl 20 --together --attach\n"},
};

} // namespace

std::span<const flag> flags() {
  return all_flags;
}

std::span<const command_entry> commands() {
  return all_commands;
}

std::span<const preset> common_flags() {
  return common;
}

const flag* find_flag(std::string_view name) {
  const auto* found = std::find_if(all_flags.begin(), all_flags.end(),
                                   [&](const flag& each) { return each.name == name; });
  return found == all_flags.end() ? nullptr : found;
}

const command_entry* find_command(std::string_view name) {
  const auto* found = std::find_if(all_commands.begin(), all_commands.end(),
                                   [&](const command_entry& each) { return each.name == name; });
  return found == all_commands.end() ? nullptr : found;
}

} // namespace troupe::bench
