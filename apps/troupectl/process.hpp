#pragma once

#include <string>
#include <vector>

namespace troupe::ctl {

/// How a program that we ran ended.
struct program_end {
  int code = 0;        // its exit code; -1 if a signal ended it or it never ran
  std::string problem; // in Go's words; empty if it ended with 0
};

/// Runs `command`, found by PATH, with our streams and environment plus `variables` ("NAME=value"),
/// and waits for its end. Signals that we block reach it.
program_end run_program(const std::vector<std::string>& command,
                        const std::vector<std::string>& variables);

} // namespace troupe::ctl
