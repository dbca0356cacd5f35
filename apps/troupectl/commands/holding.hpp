#pragma once

#include "apps/troupectl/command.hpp"
#include "apps/troupectl/interrupt.hpp"
#include "apps/troupectl/keeping_alive.hpp"
#include "apps/troupectl/waiting_line.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace troupe::ctl {

/// A place in the line of a lock or an election, until a signal comes or the lease is lost.
class holding {
public:
  /// Connects. @throws call_failed and command_failed
  holding(context& it, const std::string& name, std::int64_t ttl_seconds);

  ~holding();

  /// Joins the line and waits for its front. @throws command_failed "context canceled" after a
  /// signal, when the key is deleted again.
  void acquire(const std::string& value);

  enum class end { signal, lost };
  /// What ends the hold.
  end wait_for_end();

  waiting_line& line() {
    return line_;
  }

private:
  void note(end how);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<end> end_;
  std::atomic<waiting_line*> joined_ = nullptr;
  interrupt interrupt_; // before the threads of the connection
  lease_session session_;
  waiting_line line_;
};

} // namespace troupe::ctl
