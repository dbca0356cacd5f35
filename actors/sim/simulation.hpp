#pragma once

#include "actors/sim/fault_script.hpp"
#include "actors/sim/history.hpp"
#include "actors/sim/planted_bugs.hpp"
#include "actors/sim/trace.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <ostream>
#include <set>
#include <string>

namespace troupe::sim {

/// One run of a cluster under faults, with everything that can be asked of it afterwards.
struct simulation_plan {
  unsigned nodes = 3;
  std::uint64_t seed = 1;
  /// While faults come and clients work; then everything heals.
  std::chrono::milliseconds span{10'000};
  /// What goes wrong; absent: drawn from the seed, of `kinds`.
  std::optional<fault_script> faults;
  std::set<fault_kind> kinds = all_fault_kinds();
  planted_bug bug = planted_bug::none;
  /// Gets the trace; may be null.
  std::ostream* trace = nullptr;
};

struct simulation_report {
  /// What was violated; empty if nothing was.
  std::string failure;
  /// What went wrong by plan.
  fault_script faults;
  /// Of the trace.
  std::uint64_t hash = 0;
  std::uint64_t lines = 0;
  std::deque<std::string> last_lines;
  std::deque<trace_event> last_events;
  sim::history history;

  // How often what should happen did happen.
  std::uint64_t steps = 0;
  std::uint64_t elections = 0;
  std::uint64_t restarts = 0;
  std::uint64_t overwritten = 0;
  std::uint64_t committed = 0;
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;
  std::uint64_t unknown = 0;
  std::uint64_t watch_events = 0;
  /// Virtual time from healing to the first acknowledged write.
  sim_time recovered_in{0};
};

/// The same report for the same plan. While faults come the oracle judges each step; then
/// everything heals, a write must be acknowledged within a bounded time and all members must come
/// to the same state; last the histories of clients, leases and watches are judged.
simulation_report simulate(const simulation_plan& plan);

/// The script of a failing run with as few faults as dropping them one by one and in halves leaves,
/// while the run still fails, in whatever way. @pre simulate(plan) fails.
/// @param progress called before each attempt; may be null.
fault_script shrink(simulation_plan plan, fault_script faults,
                    const std::function<void(std::size_t faults)>& progress);

} // namespace troupe::sim
