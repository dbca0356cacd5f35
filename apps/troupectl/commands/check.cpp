#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/commands/load.hpp"
#include "apps/troupectl/commands/resident_memory.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <array>
#include <cstdio>
#include <ostream>

namespace troupe::ctl {

const std::vector<flag> check_perf_flags{
  {"load", flag_kind::text, "s",
   "The performance check's workload model. Accepted workloads: s(small), m(medium), l(large), "
   "xl(xLarge). Different workload models use different configurations in terms of number of "
   "clients and expected throughput.",
   0, "small medium large xLarge"},
  {"prefix", flag_kind::text, "/etcdctl-check-perf/",
   "The prefix for writing the performance check's keys."},
  {"auto-compact", flag_kind::boolean, "false",
   "Compact storage with last revision after test is finished."},
  {"auto-defrag", flag_kind::boolean, "false", "Defragment storage after test is finished."},
};

const std::vector<flag> check_datascale_flags{
  {"load", flag_kind::text, "s",
   "The datascale check's workload model. Accepted workloads: s(small), m(medium), l(large), "
   "xl(xLarge)",
   0, "small medium large xLarge"},
  {"prefix", flag_kind::text, "/etcdctl-check-datascale/",
   "The prefix for writing the datascale check's keys."},
  {"auto-compact", flag_kind::boolean, "false",
   "Compact storage with last revision after test is finished."},
  {"auto-defrag", flag_kind::boolean, "false", "Defragment storage after test is finished."},
};

namespace {

constexpr int perf_seconds = 60;

/// One row per size of load.
struct size {
  std::string_view letter, name;
  std::int64_t perf_rate; // puts per second
  int clients;
  std::int64_t scale_puts;
};

constexpr std::array<size, 4> sizes{{{"s", "small", 150, 50, 10'000},
                                     {"m", "medium", 1'000, 200, 100'000},
                                     {"l", "large", 8'000, 500, 1'000'000},
                                     {"xl", "xLarge", 15'000, 1'000, 3'000'000}}};

const size& chosen_size(const context& it) {
  const auto& text = it.flags().text("load");
  for (const auto& one : sizes)
    if (text == one.letter || text == one.name)
      return one;
  throw command_failed(exit_bad_feature, "unknown load option " + text);
}

void refuse_existing_keys(context& it, const std::string& prefix, const std::string& quotes) {
  pb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(prefix_end(prefix));
  request.set_limit(1);
  if (!it.client().call(request).kvs().empty())
    throw command_failed(exit_invalid_input,
                         "prefix " + go::quote(prefix) + " has keys. Delete with " + quotes
                           + "etcdctl del --prefix " + prefix + quotes + " first");
}

constexpr std::chrono::seconds cleaning_timeout{30};

void compact(context& it, std::int64_t revision) {
  it.out << "Compacting with revision " << revision << std::endl;
  pb::CompactionRequest request;
  request.set_revision(revision);
  request.set_physical(true);
  it.client().call(request, cleaning_timeout);
  it.out << "Compacted with revision " << revision << '\n';
}

void defragment(context& it) {
  for (const auto& endpoint : it.connection().endpoints) {
    it.out << "Defragmenting " << go::quote(endpoint) << std::endl;
    it.client_of({endpoint})->call(pb::DefragmentRequest{}, cleaning_timeout);
    it.out << "Defragmented " << go::quote(endpoint) << '\n';
  }
}

/// Deletes the keys of the load, then compacts and defragments if asked to.
void clean_up(context& it, const std::string& prefix) {
  pb::DeleteRangeRequest request;
  request.set_key(prefix);
  request.set_range_end(prefix_end(prefix));
  auto revision = it.client().call(request, cleaning_timeout).header().revision();
  if (it.flags().boolean("auto-compact"))
    compact(it, revision);
  if (it.flags().boolean("auto-defrag"))
    defragment(it);
}

bool print_errors(const load_result& got, std::ostream& out) {
  if (got.errors.empty())
    return true;
  out << "FAIL: too many errors\n";
  for (const auto& [text, count] : got.errors)
    out << "FAIL: ERROR(" << text << ") -> " << count << '\n';
  return false;
}

std::string decimals(double value, const char* form) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), form, value);
  return text.data();
}

/// The verdict on each figure; true if all pass.
bool judge(const load_result& got, std::int64_t rate, std::ostream& out) {
  constexpr double least_share = 0.9, most_seconds = 0.5, most_deviation = 0.1;
  bool pass = print_errors(got, out);
  auto per_second = static_cast<double>(got.succeeded) / got.seconds;
  bool fast = per_second / static_cast<double>(rate) > least_share;
  out << (fast ? "PASS: Throughput is " : "FAIL: Throughput too low: ")
      << static_cast<std::int64_t>(per_second) + 1 << " writes/s\n";
  bool prompt = got.slowest <= most_seconds;
  out << (prompt ? "PASS: Slowest request took " : "Slowest request took too long: ")
      << decimals(got.slowest, "%f") << "s\n";
  bool steady = got.deviation <= most_deviation;
  out << (steady ? "PASS: Stddev is " : "Stddev too high: ") << decimals(got.deviation, "%f")
      << "s\n";
  return pass && fast && prompt && steady;
}

double memory_now(context& it) {
  auto memory = resident_memory_of(it.connection().endpoints.at(0));
  if (!memory.problem.empty())
    it.out << memory.problem << '\n';
  return memory.bytes;
}

} // namespace

int check_perf(context& it) {
  const auto& wanted = chosen_size(it);
  const auto& prefix = it.flags().text("prefix");
  refuse_existing_keys(it, prefix, "'");
  auto got = run_load(it, {.clients = wanted.clients,
                           .puts_per_second = wanted.perf_rate,
                           .puts = wanted.perf_rate * perf_seconds,
                           .prefix = prefix,
                           .key_bytes = 256,
                           .value_bytes = 1024});
  try {
    clean_up(it, prefix);
  } catch (const call_failed& error) {
    it.out << "FAIL: Cleanup failed during key deletion: ERROR(" << it.for_out(error.what())
           << ")\n";
  }
  bool pass = judge(got, wanted.perf_rate, it.out);
  it.out << (pass ? "PASS\n" : "FAIL\n");
  return pass ? exit_success : exit_error;
}

int check_datascale(context& it) {
  const auto& wanted = chosen_size(it);
  const auto& prefix = it.flags().text("prefix");
  refuse_existing_keys(it, prefix, "");
  auto before = memory_now(it);
  if (before == 0) {
    it.out << "FAIL: Could not read process_resident_memory_bytes before the put operations.\n";
    return exit_error;
  }
  it.out << "Start data scale check for work load [" << wanted.scale_puts
         << " key-value pairs, 1024 bytes per key-value, " << wanted.clients
         << " concurrent clients]." << std::endl;
  auto got = run_load(it, {.clients = wanted.clients,
                           .puts = wanted.scale_puts,
                           .prefix = prefix,
                           .key_bytes = 512,
                           .value_bytes = 512});
  auto after = memory_now(it);
  clean_up(it, prefix);
  if (after == 0) {
    it.out << "FAIL: Could not read process_resident_memory_bytes after the put operations.\n";
    return exit_error;
  }
  if (!print_errors(got, it.out))
    return exit_error;
  it.out << "PASS: Approximate system memory used : "
         << decimals((after - before) / (1024 * 1024), "%.2f") << " MB.\n";
  return exit_success;
}

} // namespace troupe::ctl
