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
  pinged_ = now;
  unanswered_[++last_ping_] = now;
  return {.ping = last_ping_};
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
  pinged_ = now;
  unanswered_.clear();
  unanswered_[++last_ping_] = now;
  return {.ping = last_ping_, .reachable = true};
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
  auto took = now - ping->second;
  heard_ = now;
  unanswered_.erase(unanswered_.begin(), std::next(ping));
  return took;
}

} // namespace troupe::peer
