#pragma once

#include "actors/sim/simulation.hpp"
#include "apps/troupe-lab/settings.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe::lab {

/// A run that failed.
struct finding {
  std::uint64_t seed = 0;
  sim::simulation_report report;
};

/// All runs of a command line.
struct campaign {
  std::uint64_t runs = 0;
  /// By seed; one at most unless it is to go on.
  std::vector<finding> findings;
  /// The run that files are written of.
  std::uint64_t shown_seed = 0;

  // Sums over the runs.
  std::uint64_t steps = 0;
  std::uint64_t elections = 0;
  std::uint64_t restarts = 0;
  std::uint64_t committed = 0;
  std::uint64_t calls = 0;
  std::uint64_t watch_events = 0;
};

/// The plan of one seed.
sim::simulation_plan plan_of(const settings& chosen, std::uint64_t seed);

/// @param progress called on any thread, one at a time; may be null.
campaign run_all(const settings& chosen,
                 const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

/// Writes the files that were asked for, of one run. @throws std::runtime_error
void write_files(const settings& chosen, std::uint64_t seed);

/// For people: what was found and in how many runs.
std::string summary(const settings& chosen, const campaign& done);

/// "[#####     ]  50 %  500 of 1000  3.2/s"
std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds);

} // namespace troupe::lab
