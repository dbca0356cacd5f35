#include "actors/raft/core/progress.hpp"

#include <algorithm>

namespace troupe::raft {

bool progress::may_send_entries(const flight_limits& limits) const {
  switch (state) {
  case mode::probe:
    return !probe_sent_;
  case mode::replicate:
    return in_flight_.size() < limits.appends && bytes_in_flight_ < limits.bytes;
  case mode::snapshot:
    return false;
  }
  return false;
}

void progress::on_sent(log_index last, std::size_t bytes) {
  if (state == mode::probe) {
    probe_sent_ = true;
    return;
  }
  next_index = last + 1;
  in_flight_.push_back({last, bytes});
  bytes_in_flight_ += bytes;
}

void progress::on_accepted(log_index match, log_index before_first) {
  match_index = std::max(match_index, match);
  next_index = std::max(next_index, match_index + 1);
  while (!in_flight_.empty() && in_flight_.front().last <= match_index) {
    bytes_in_flight_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  // An old answer does not end a snapshot on its way; one that shows it has arrived does.
  if (state == mode::snapshot && match_index < before_first)
    return;
  state = mode::replicate;
  probe_sent_ = false;
}

void progress::on_rejected(log_index hint) {
  if (state == mode::snapshot)
    return;
  // An old rejection may come late: never below what the follower has confirmed.
  auto before = state == mode::probe ? next_index - 1 : next_index;
  probe_from(std::min(before, hint + 1));
  // Who denies what it has confirmed is late, or has lost it: no haste, a heartbeat asks again.
  probe_sent_ = hint < match_index;
}

void progress::on_heartbeat() {
  probe_sent_ = false;
}

void progress::on_link_lost() {
  if (state == mode::replicate)
    probe_from(match_index + 1);
  probe_sent_ = false;
}

void progress::on_snapshot_wanted(log_index applied) {
  probe_from(next_index);
  state = mode::snapshot;
  catching_up = true;
  kept_behind = applied;
}

void progress::on_snapshot_installed(log_index at) {
  probe_from(at + 1);
}

void progress::on_snapshot_failed(std::uint64_t again) {
  probe_from(next_index);
  catching_up = false;
  snapshot_not_before = again;
}

void progress::probe_from(log_index next) {
  next_index = std::max(match_index + 1, next);
  state = mode::probe;
  probe_sent_ = false;
  in_flight_.clear();
  bytes_in_flight_ = 0;
}

} // namespace troupe::raft
