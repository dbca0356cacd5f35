#pragma once

#include "actors/sim/fault_script.hpp"
#include "actors/sim/planted_bugs.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::lab {

enum class command : std::uint8_t { help, run, bugs };

/// What the command line says.
struct settings {
  command wanted = command::help;
  /// For command::help: what to print.
  std::string help_text;

  unsigned nodes = 3;
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 100;
  unsigned jobs = 1;
  std::chrono::milliseconds span{10'000};
  std::set<sim::fault_kind> kinds;
  /// Read from a file; absent: drawn from each seed.
  std::optional<sim::fault_script> script;
  sim::planted_bug bug = sim::planted_bug::none;
  bool shrink = false;
  bool keep_going = false;
  /// Paths; empty: not wanted. Of the first run that fails, else of the last one.
  std::string trace;
  std::string history;
  std::string timeline;
};

/// The command line is wrong; the text is one line and says what would be right.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// @param arguments after the program's name.
/// @throws usage_error
settings read_settings(std::span<const std::string> arguments);

} // namespace troupe::lab
