#include "apps/troupe-bench/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace troupe::bench {

namespace {

/// What is due within it leaves together: at a rate of many thousands, a timer for each call would
/// take more of the machine than the calls. Latency counts from when each was meant to start.
constexpr std::chrono::microseconds timer_grain{100};

[[noreturn]] void fail_system(const std::string& what) {
  throw run_failed(what + ": " + std::strerror(errno));
}

/// `clock` is CLOCK_MONOTONIC.
timespec timespec_of(instant when) {
  const auto since_boot = std::chrono::duration_cast<nanoseconds>(when.time_since_epoch()).count();
  return {.tv_sec = since_boot / 1'000'000'000, .tv_nsec = since_boot % 1'000'000'000};
}

} // namespace

event_loop::event_loop(nanoseconds silence)
    : silence_{silence}, poller_{epoll_create1(EPOLL_CLOEXEC)}, timer_{timerfd_create(
                                                                  CLOCK_MONOTONIC,
                                                                  TFD_CLOEXEC | TFD_NONBLOCK)} {
  epoll_event interest{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (poller_ < 0 || timer_ < 0 || epoll_ctl(poller_, EPOLL_CTL_ADD, timer_, &interest) != 0)
    fail_system("epoll");
}

event_loop::~event_loop() {
  connections_.clear();
  close(timer_);
  close(poller_);
}

connection& event_loop::connect(const endpoint& to, std::int32_t stream_window) {
  connections_.push_back(std::make_unique<connection>(to, stream_window, to_flush_));
  auto& made = *connections_.back();
  epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = &made}};
  if (epoll_ctl(poller_, EPOLL_CTL_ADD, made.fd(), &interest) != 0)
    fail_system("epoll_ctl");
  return made;
}

void event_loop::add(job& which) {
  jobs_.push_back(&which);
}

void event_loop::remove(job& which) {
  std::erase(jobs_, &which);
}

void event_loop::finish(const condition& done, const std::string& waiting_for) {
  last_arrival_ = clock::now();
  while (!run_until(done, last_arrival_ + silence_))
    if (clock::now() >= last_arrival_ + silence_)
      throw run_failed("nothing arrived for " + std::to_string(std::llround(in_seconds(silence_)))
                       + " s while waiting for " + waiting_for);
}

bool event_loop::run_until(const condition& done, instant deadline) {
  for (;;) {
    const auto next = start_due(); // which may be what was left to do
    if (done())
      return true;
    if (clock::now() >= deadline)
      return false;
    wait(std::min(deadline, next));
  }
}

void event_loop::run_for(nanoseconds time) {
  run_until([] { return false; }, clock::now() + time);
}

instant event_loop::start_due() {
  const auto now = clock::now();
  auto next = instant::max();
  for (auto* each : jobs_)
    next = std::min(next, each->step(now));
  flush_all();
  return next;
}

void event_loop::flush_all() {
  while (!to_flush_.empty()) { // a flush may end a stream and so lead to the next call
    flushing_.swap(to_flush_);
    for (auto* each : flushing_)
      each->flush();
    flushing_.clear();
  }
}

void event_loop::wait(instant deadline) {
  const auto now = clock::now();
  deadline = std::max(deadline, now + timer_grain);
  // To wake early does no harm: whoever has asked for the deadline asks again.
  if (deadline < armed_ || armed_ <= now) {
    const itimerspec when{.it_interval = {}, .it_value = timespec_of(deadline)};
    if (timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr) != 0)
      fail_system("timerfd_settime");
    armed_ = deadline;
  }
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), -1);
  if (count < 0 && errno != EINTR)
    fail_system("epoll_wait");
  for (int i = 0; i < count; ++i) {
    const auto& each = events[static_cast<std::size_t>(i)];
    auto* ready = static_cast<connection*>(each.data.ptr);
    if (ready == nullptr)
      continue; // the timer
    if ((each.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && ready->read_all())
      last_arrival_ = clock::now();
    if ((each.events & EPOLLOUT) != 0)
      ready->on_writable();
  }
}

} // namespace troupe::bench
