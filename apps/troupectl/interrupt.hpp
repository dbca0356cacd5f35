#pragma once

#include <functional>
#include <thread>

namespace troupe::ctl {

/// Takes SIGINT and SIGTERM while it lives: the first of them calls `on_signal`, once, in a thread
/// of its own. To be made before any other thread, since it works by the signal mask.
class interrupt {
public:
  explicit interrupt(std::function<void()> on_signal);
  ~interrupt();

  interrupt(const interrupt&) = delete;
  interrupt& operator=(const interrupt&) = delete;

private:
  int signals_;
  int stop_;
  std::thread waiter_;
};

} // namespace troupe::ctl
