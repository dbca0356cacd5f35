#pragma once

#include "apps/troupectl/flags.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::ctl {

extern const std::vector<flag> watch_flags;

/// What to watch, and the program to run for each event (empty: none).
struct watch_target {
  std::vector<std::string> keys; // the key, and the end of a range
  std::vector<std::string> program;

  friend bool operator==(const watch_target&, const watch_target&) = default;
};

/// ETCDCTL_WATCH_KEY and ETCDCTL_WATCH_RANGE_END; empty: not set.
struct watch_environment {
  std::string key;
  std::string range_end;
};

class bad_watch : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// For `watch` on the command line. `raw`: all arguments behind the program's name as they came;
/// `positional`: those that are neither command nor flag, without the `--`.
/// @throws bad_watch
watch_target parse_watch(const std::vector<std::string>& raw,
                         const std::vector<std::string>& positional,
                         const watch_environment& environment);

struct typed_watch {
  watch_target target;
  flag_values flags;
};

/// For a line of `watch -i`, whose first word is `watch`. @throws bad_watch and flag_error
typed_watch parse_typed_watch(const std::vector<std::string>& words,
                              const watch_environment& environment);

} // namespace troupe::ctl
