#include "actors/sim/trace.hpp"

#include <fmt/format.h>
#include <utility>

namespace troupe::sim {

void trace::line(sim_time now, std::string_view text) {
  auto whole = fmt::format("{:>12.6f} {}\n", std::chrono::duration<double>(now).count(), text);
  for (unsigned char byte : whole)
    hash_ = (hash_ ^ byte) * 1099511628211U;
  ++lines_;
  if (sink_)
    *sink_ << whole;
  last_lines_.push_back(std::move(whole));
  if (last_lines_.size() > kept_lines)
    last_lines_.pop_front();
}

void trace::event(trace_event what) {
  last_events_.push_back(std::move(what));
  if (last_events_.size() > kept_events)
    last_events_.pop_front();
}

} // namespace troupe::sim
