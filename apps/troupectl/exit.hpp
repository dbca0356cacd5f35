#pragma once

#include <stdexcept>
#include <string>

namespace troupe::ctl {

/// What the process ends with; etcdctl's numbers.
enum exit_code : int {
  exit_success = 0,
  exit_error = 1,
  exit_bad_connection = 2,
  exit_invalid_input = 3, // what was typed into txn or watch
  exit_bad_feature = 4,   // a known flag with a value that is not supported
  exit_interrupted = 5,
  exit_io = 6,
  exit_bad_arguments = 128,
};

/// Ends the command: `Error: text` on standard error, then this code. An empty text says nothing.
class command_failed : public std::runtime_error {
public:
  command_failed(int code, const std::string& text) : std::runtime_error(text), code(code) {}

  int code;
};

} // namespace troupe::ctl
