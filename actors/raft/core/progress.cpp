#include "actors/raft/core/progress.hpp"

#include <algorithm>

namespace troupe::raft {

bool progress::may_send_entries(std::size_t limit) const {
  return state == mode::probe ? !probe_sent_ : in_flight_.size() < limit;
}

void progress::on_sent(log_index last) {
  if (state == mode::probe) {
    probe_sent_ = true;
    return;
  }
  next_index = last + 1;
  in_flight_.push_back(last);
}

void progress::on_accepted(log_index match) {
  match_index = std::max(match_index, match);
  next_index = std::max(next_index, match_index + 1);
  while (!in_flight_.empty() && in_flight_.front() <= match_index)
    in_flight_.pop_front();
  state = mode::replicate;
  probe_sent_ = false;
}

void progress::on_rejected(log_index hint) {
  // An old rejection may come late: never below what the follower has confirmed.
  auto before = state == mode::probe ? next_index - 1 : next_index;
  next_index = std::max(match_index + 1, std::min(before, hint + 1));
  state = mode::probe;
  probe_sent_ = false;
  in_flight_.clear();
}

void progress::on_heartbeat() {
  probe_sent_ = false;
}

} // namespace troupe::raft
