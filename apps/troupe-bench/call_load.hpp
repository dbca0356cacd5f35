#pragma once

#include "apps/troupe-bench/event_loop.hpp"
#include "apps/troupe-bench/report.hpp"

#include <atomic>
#include <deque>

namespace troupe::bench {

/// What a load says and what it expects to hear.
class call_source {
public:
  virtual ~call_source() = default;

  virtual const char* path() const = 0;

  /// The message of call number `call`, in the place of `to`'s content.
  virtual void request(std::uint64_t call, std::string& to) = 0;

  /// The answer to it. `sent`: when the call was started.
  /// @returns what is wrong with it; empty if it is right.
  virtual std::string judge(std::uint64_t call, std::string_view answer, instant sent,
                            instant at) = 0;
};

struct load_plan {
  std::uint64_t first = 0; // number of the first call
  /// 0: until `duration` is over or stop() is called.
  std::uint64_t total = 0;
  nanoseconds duration{0}; // 0: until `total` is reached or stop() is called
  double rate = 0;         // per second; 0: closed loop
  std::uint64_t streams = 1;
  /// Each stream stays open and carries one call after the other, as LeaseKeepAlive; else each call
  /// is a stream of its own.
  bool keep_streams = false;
  /// Where each call that ended is counted, beside others that do the same; may be null.
  std::atomic<std::uint64_t>* ended = nullptr;
};

/// Makes calls over the given connections, at most `streams` at a time, until its plan is done.
class call_load : public job {
public:
  /// Begins with its first step. Connections and source must live as long.
  call_load(call_source& source, std::vector<connection*> over, const load_plan& plan);
  ~call_load() override;

  instant step(instant now) override;

  /// Starts no more calls.
  void stop(instant now);
  /// Nothing is under way and nothing will be started.
  bool finished() const;

  /// What ended since the last take (or the beginning), over the time since then.
  load_result take(instant now);

private:
  class slot;

  std::uint64_t due_by(instant when) const;
  void start();
  void ended(slot& which, instant intended, instant at, const std::string& error);

  call_source& source_;
  load_plan plan_;
  pace pace_;
  bool begun_ = false, stopped_ = false;
  instant begin_, end_;
  std::uint64_t started_ = 0;
  std::vector<std::unique_ptr<slot>> slots_;
  std::deque<slot*> free_; // the one idle longest first, so that a slow load uses all connections
  load_result result_;
  instant result_begin_, last_ended_;
  std::string message_;
};

} // namespace troupe::bench
