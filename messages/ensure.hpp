#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace troupe {

/// A broken invariant: a bug in Troupe, never bad input. Leaves the handler it happens in, which
/// ends the actor and with it the node.
class invariant_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void fail_invariant(const char* what, const std::source_location& where) {
  throw invariant_error{std::string{where.file_name()} + ":" + std::to_string(where.line()) + ": "
                        + what};
}

/// States one fact that holds here; stays on in release builds. @throws invariant_error naming
/// place and fact.
inline void ensure(bool fact, const char* what,
                   const std::source_location& where = std::source_location::current()) {
  if (!fact) [[unlikely]]
    fail_invariant(what, where);
}

} // namespace troupe
