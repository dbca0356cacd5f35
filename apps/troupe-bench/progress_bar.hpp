#pragma once

#include "apps/troupe-bench/event_loop.hpp"

namespace troupe::bench {

/// One line on a terminal that says how far the run is; nothing where stderr is no terminal.
class progress_bar : public job {
public:
  progress_bar();
  ~progress_bar() override; // clears the line

  /// From now on it shows `label` and `done()` of `total`.
  void show(std::string label, std::uint64_t total, std::function<std::uint64_t()> done);

  instant step(instant now) override;

private:
  bool shown_;
  std::string label_;
  std::uint64_t total_ = 0;
  std::function<std::uint64_t()> done_;
  instant begin_, next_;
};

/// "put  [#####     ]  50 %  500 of 1000  100/s". `seconds`: since the beginning.
std::string progress_line(const std::string& label, std::uint64_t done, std::uint64_t total,
                          double seconds);

} // namespace troupe::bench
