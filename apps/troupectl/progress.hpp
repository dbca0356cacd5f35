#pragma once

#include "apps/troupectl/command.hpp"

#include <chrono>

/// How far a long command is, for somebody who waits for it.
namespace troupe::ctl {

/// One line on standard error that is written over and over; nothing unless that is a terminal and
/// we are not called as etcdctl. The line is gone when a command ends.
class progress {
public:
  /// `what`: the things that are counted.
  progress(context& it, std::string what);
  ~progress();

  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// `total` 0: nobody knows how many there will be. Draws at most ten times in a second.
  void update(std::int64_t done, std::int64_t total);

  /// To be called before something else is written to the terminal.
  void hide();

private:
  std::ostream& err_;
  bool shown_;
  bool drawn_ = false;
  std::string what_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_ = start_;
};

/// "[=====     ] 50 / 100 keys, 25 per second"; without a total "50 keys, 25 per second".
std::string progress_text(std::int64_t done, std::int64_t total, std::string_view what,
                          double seconds);

} // namespace troupe::ctl
