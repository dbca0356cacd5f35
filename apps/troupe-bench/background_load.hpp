#pragma once

#include "apps/troupe-bench/scenarios.hpp"

namespace troupe::bench {

/// Puts of keys that nobody watches, at a fixed rate beside something else. They have connections
/// and a thread of their own: what the rest of the load generator has to do, such as reading ten
/// thousand events, is not to be taken for latency. Without a rate it does nothing and adds
/// nothing.
class background_load {
public:
  explicit background_load(const settings& chosen);
  ~background_load();

  /// Starts it, runs `loop` for `chosen.before_seconds` and ends the phase "before".
  void begin(event_loop& loop);
  /// Calls that ended since the phase before belong to this one.
  void end_phase(const std::string& name);
  /// Ends the load and its last phase and adds all phases. @throws run_failed if it broke off.
  void end(const std::string& last_phase, outcome& to);

private:
  class runner;

  const settings& chosen_;
  std::unique_ptr<runner> runner_; // null without a rate
  std::vector<std::string> phases_;
};

} // namespace troupe::bench
