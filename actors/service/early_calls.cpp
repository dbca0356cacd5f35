#include "actors/service/early_calls.hpp"

#include <utility>

namespace troupe::service {

bool early_calls::add(const call_event& event) {
  bool begins = event.kind == call_event::what::request || event.kind == call_event::what::open;
  if (!begins && !by_call_.contains(event.call))
    return true;
  if (event.kind == call_event::what::cancel) {
    forget(event.call);
    return true;
  }
  if (events_.size() >= max_events_ || bytes_ + event.body.size() > max_bytes_) {
    forget(event.call);
    return false;
  }
  bytes_ += event.body.size();
  by_call_[event.call].push_back(events_.insert(events_.end(), event));
  return true;
}

std::list<call_event> early_calls::take() {
  by_call_.clear();
  bytes_ = 0;
  return std::exchange(events_, {});
}

void early_calls::forget(const call_id& call) {
  auto found = by_call_.find(call);
  if (found == by_call_.end())
    return;
  for (auto event : found->second) {
    bytes_ -= event->body.size();
    events_.erase(event);
  }
  by_call_.erase(found);
}

} // namespace troupe::service
