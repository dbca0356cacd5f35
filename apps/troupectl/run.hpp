#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace troupe::ctl {

/// Where a command reads and writes.
struct terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
};

/// How we were called.
struct invocation {
  std::string program;                // without its directory
  std::vector<std::string> arguments; // all behind it, as they came

  /// Then every shape is etcdctl's, and nothing is asked or added.
  bool as_etcdctl() const {
    return program == "etcdctl";
  }

  /// Whether text from elsewhere, a server's say, is made safe (safe_text.hpp) for such a stream.
  bool makes_safe(bool is_terminal) const {
    return is_terminal && !as_etcdctl();
  }
};

/// Finds the command, reads its flags and runs it. Problems are told on `streams.err`.
/// @returns the exit code of the process.
int run(const invocation& how, terminal streams);

} // namespace troupe::ctl
