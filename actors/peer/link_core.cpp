#include "actors/peer/link_core.hpp"

#include <algorithm>

namespace troupe::peer {

link_core::step link_core::on_tick(time_point now, bool progressed) {
  switch (phase_) {
  case phase::waiting:
    if (now < until_)
      return {};
    phase_ = phase::connecting;
    return {.dial = true};
  case phase::connecting:
    return {};
  case phase::greeting:
    return now < until_ ? step{} : failed(now);
  case phase::up:
    return watch(now, progressed);
  }
  return {};
}

link_core::step link_core::watch(time_point now, bool progressed) {
  if (progressed)
    heard_ = now;
  if (now - heard_ >= timing_.silence)
    return failed(now);
  if (now - pinged_ < timing_.ping_interval)
    return {};
  return ping(now);
}

link_core::step link_core::ping(time_point now) {
  pinged_ = now;
  pinged_after_ = passed_;
  unanswered_[++last_ping_] = {now, passed_};
  return {.ping = last_ping_};
}

std::optional<link_core::step> link_core::pass(time_point now, std::uint64_t bytes) {
  if (phase_ != phase::up || passed_ - confirmed_ >= most_bytes_)
    return std::nullopt;
  passed_ += bytes;
  // So often that the confirmed part follows closely.
  return passed_ - pinged_after_ >= most_bytes_ / 16 ? ping(now) : step{};
}

link_core::step link_core::connected(time_point now) {
  phase_ = phase::greeting;
  until_ = now + timing_.greeting;
  return {};
}

link_core::step link_core::greeted(time_point now) {
  phase_ = phase::up;
  failures_ = 0;
  heard_ = now;
  unanswered_.clear();
  passed_ = 0;
  confirmed_ = 0;
  auto result = ping(now);
  result.reachable = true;
  return result;
}

link_core::step link_core::failed(time_point now) {
  return wait(now, next_pause());
}

link_core::step link_core::refused(time_point now) {
  return wait(now, timing_.refused_pause);
}

link_core::step link_core::wait(time_point now, std::chrono::nanoseconds pause) {
  step result;
  result.hang_up = phase_ == phase::greeting || phase_ == phase::up;
  if (phase_ == phase::up)
    result.reachable = false;
  phase_ = phase::waiting;
  until_ = now + pause;
  unanswered_.clear();
  return result;
}

std::chrono::nanoseconds link_core::next_pause() {
  auto whole = timing_.pause_least;
  for (unsigned i = 0; i < failures_ && whole < timing_.pause_most; ++i)
    whole *= 2;
  ++failures_;
  std::chrono::nanoseconds most = std::min(whole, timing_.pause_most);
  auto half = static_cast<std::uint64_t>(most.count()) / 2;
  return most
         - std::chrono::nanoseconds{static_cast<std::int64_t>(half == 0 ? 0 : chance_() % half)};
}

std::optional<std::chrono::nanoseconds> link_core::pong(time_point now, std::uint64_t number) {
  auto ping = unanswered_.find(number);
  if (phase_ != phase::up || ping == unanswered_.end())
    return std::nullopt;
  auto took = now - ping->second.at;
  heard_ = now;
  confirmed_ = ping->second.passed;
  unanswered_.erase(unanswered_.begin(), std::next(ping));
  return took;
}

} // namespace troupe::peer
