#pragma once

#include "apps/troupe-bench/call_load.hpp"

namespace troupe::bench {

/// What a run found; `good`: every call succeeded and every event came exactly once.
struct outcome {
  report figures;
  bool good = true;
};

/// Runs the command of `chosen`. @throws run_failed
outcome run(const settings& chosen);

// Its parts, by file.
outcome run_calls(const settings& chosen); // put, range, lease-grant
outcome run_renewals(const settings& chosen);
outcome run_watch_create(const settings& chosen);
outcome run_fanout(const settings& chosen);
outcome run_expiry(const settings& chosen);

/// Bytes that the server may send on a stream ahead of a reader: gRPC's usual 64 KiB, and more
/// where answers are large.
constexpr std::int32_t usual_window = 65'535, large_window = 1 << 24;

/// `count` connections, over the endpoints in turn.
std::vector<connection*> connect_all(event_loop& loop, const settings& chosen, std::uint64_t count,
                                     std::int32_t stream_window);

/// Adds the load under the name `section`.
void add_load(outcome& to, const std::string& section, const load_result& load);

/// Takes the figures of the server and of this process between its construction and add_to().
class usage_watch {
public:
  /// `pid` 0: no server.
  explicit usage_watch(std::uint64_t pid);

  void add_to(report& figures) const;
  /// Growth of the server's resident memory; 0 without a server.
  double resident_growth() const;

private:
  std::uint64_t pid_;
  process_usage server_, self_;
};

} // namespace troupe::bench
