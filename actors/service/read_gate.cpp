#include "actors/service/read_gate.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::service {

namespace {

void append_to(std::vector<gated_read>& target, std::vector<gated_read>&& more) {
  if (target.empty())
    target = std::move(more);
  else
    target.insert(target.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

} // namespace

void read_gate::add_serializable(gated_read read) {
  count_in(read);
  if (confirmed_.empty() || confirmed_.front().index != log_index{})
    confirmed_.push_front({});
  confirmed_.front().reads.push_back(std::move(read));
}

void read_gate::add_linearizable(gated_read read) {
  count_in(read);
  unconfirmed_.push_back(std::move(read));
}

std::optional<read_index_request> read_gate::next_round(time_point now) {
  if (in_flight_ || unconfirmed_.empty())
    return std::nullopt;
  in_flight_ = round{++last_round_, now, std::move(unconfirmed_)};
  unconfirmed_.clear();
  return read_index_request{last_round_};
}

std::vector<gated_read> read_gate::on(const read_index_reply& reply) {
  if (!in_flight_ || in_flight_->number != reply.round)
    return {};
  auto reads = std::move(in_flight_->reads);
  in_flight_.reset();
  if (reply.error != errc::none) {
    for (const auto& read : reads)
      count_out(read);
    return reads;
  }
  if (confirmed_.empty() || confirmed_.back().index < reply.index)
    confirmed_.push_back({reply.index, {}});
  append_to(confirmed_.back().reads, std::move(reads));
  return {};
}

std::vector<gated_read> read_gate::take_ready() {
  std::vector<gated_read> result;
  while (caught_up_ && !confirmed_.empty() && confirmed_.front().index <= applied_) {
    append_to(result, std::move(confirmed_.front().reads));
    confirmed_.pop_front();
  }
  for (const auto& read : result)
    count_out(read);
  return result;
}

std::vector<read_gate::expired_read> read_gate::expire(time_point now,
                                                       std::chrono::nanoseconds retry_after) {
  std::vector<expired_read> expired;
  if (in_flight_ && now - in_flight_->started >= retry_after) {
    append_to(in_flight_->reads, std::move(unconfirmed_));
    unconfirmed_ = std::move(in_flight_->reads);
    in_flight_.reset();
  }
  drop_expired(unconfirmed_, now, errc::timeout, expired);
  if (in_flight_)
    drop_expired(in_flight_->reads, now, errc::timeout, expired);
  for (auto& group : confirmed_)
    drop_expired(group.reads, now, errc::timeout_waiting_for_apply, expired);
  return expired;
}

bool read_gate::forget(call_id call) {
  auto forget_in = [&](std::vector<gated_read>& reads) {
    auto found = std::find_if(reads.begin(), reads.end(),
                              [=](const gated_read& read) { return read.call.call == call; });
    if (found == reads.end())
      return false;
    count_out(*found);
    reads.erase(found);
    return true;
  };
  if (forget_in(unconfirmed_) || (in_flight_ && forget_in(in_flight_->reads)))
    return true;
  return std::any_of(confirmed_.begin(), confirmed_.end(),
                     [&](confirmed_reads& group) { return forget_in(group.reads); });
}

void read_gate::count_in(const gated_read& read) {
  ++waiting_;
  waiting_bytes_ += read.call.body.size();
}

void read_gate::count_out(const gated_read& read) {
  --waiting_;
  waiting_bytes_ -= read.call.body.size();
}

void read_gate::drop_expired(std::vector<gated_read>& reads, time_point now, errc reason,
                             std::vector<expired_read>& expired) {
  std::erase_if(reads, [&](const gated_read& read) {
    if (read.call.deadline > now)
      return false;
    count_out(read);
    expired.push_back({read.call.call, reason});
    return true;
  });
}

} // namespace troupe::service
