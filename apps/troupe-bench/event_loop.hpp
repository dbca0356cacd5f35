#pragma once

#include "apps/troupe-bench/connection.hpp"

#include <functional>

namespace troupe::bench {

/// Something that starts work when its time has come.
class job {
public:
  virtual ~job() = default;

  /// Called at every turn of the loop. @returns when it must be called again at the latest.
  virtual instant step(instant now) = 0;
};

/// One thread's connections and jobs: reads what has arrived, lets the jobs start what is due,
/// sends all of it, waits.
class event_loop {
public:
  /// `silence`: how long finish() waits while nothing arrives.
  explicit event_loop(nanoseconds silence);
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// As the constructor of connection. @returns valid as long as the loop.
  connection& connect(const endpoint& to, std::int32_t stream_window);

  /// `which` must live until it is removed or the loop runs no more.
  void add(job& which);
  void remove(job& which);

  using condition = std::function<bool()>;

  /// Runs until `done`. @throws run_failed if nothing arrives for the time of silence.
  void finish(const condition& done, const std::string& waiting_for);
  /// Runs until `done` or `deadline`. @returns whether it is done.
  bool run_until(const condition& done, instant deadline);
  void run_for(nanoseconds time);

private:
  /// @returns when a job wants to be called again.
  instant start_due();
  void wait(instant deadline);
  void flush_all();

  nanoseconds silence_;
  int poller_ = -1;
  int timer_ = -1;
  instant armed_; // what the timer is set to
  instant last_arrival_;
  std::vector<connection*> to_flush_, flushing_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::vector<job*> jobs_;
};

} // namespace troupe::bench
