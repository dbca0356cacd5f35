#include "actors/snapshot/sender_core.hpp"

#include <utility>

namespace troupe::snapshot {

void sender_core::on(const snapshot_wanted& wanted, sender_output& out) {
  if (receivers_.contains(wanted.to))
    return;
  wanting_[wanted.to] = wanted.behind;
  if (checkpoint_ && checkpoint_->at.index > wanted.behind)
    return offer_to(wanted.to, out);
  if (!checkpoint_ && !std::exchange(preparing_, true))
    out.prepare = true;
}

void sender_core::on_prepared(std::optional<checkpoint> made, sender_output& out) {
  preparing_ = false;
  checkpoint_ = std::move(made);
  for (const auto& [to, behind] : std::map{wanting_})
    if (checkpoint_ && checkpoint_->at.index > behind)
      offer_to(to, out);
    else
      end(to, false, out);
  discard_if_unused(out);
}

void sender_core::on(const snapshot_request& request, sender_output& out) {
  const auto found = receivers_.find(request.from);
  if (found == receivers_.end() || found->second.transfer != request.transfer)
    return;
  auto& receiver = found->second;
  receiver.silent_ticks = 0;
  if (request.file >= checkpoint_->files.size())
    return;
  const auto size = checkpoint_->files[request.file].bytes;
  const bool inside = request.offset <= size && request.bytes <= size - request.offset;
  if (!inside || request.bytes == 0 || request.bytes > limits_.chunk_bytes
      || receiver.waiting.size() >= limits_.waiting_requests)
    return;
  receiver.waiting.push_back(
    {request.from, request.transfer, request.file, request.offset, request.bytes});
  send_waiting(out);
}

void sender_core::on(const snapshot_end& end, sender_output& out) {
  const auto found = receivers_.find(end.from);
  if (found == receivers_.end() || found->second.transfer != end.transfer)
    return;
  this->end(end.from, end.result == errc::none, out);
  discard_if_unused(out);
}

void sender_core::on_tick(sender_output& out) {
  sent_since_tick_ = 0;
  std::vector<member_id> gone;
  for (auto& [to, receiver] : receivers_) {
    if (++receiver.silent_ticks > limits_.patience_ticks)
      gone.push_back(to);
    else if (receiver.silent_ticks % limits_.offer_ticks == 0)
      out.offers.push_back({to, {self_, receiver.transfer, checkpoint_->at, checkpoint_->files}});
  }
  for (auto to : gone)
    end(to, false, out);
  send_waiting(out);
  discard_if_unused(out);
}

void sender_core::stop(sender_output& out) {
  wanting_.clear();
  receivers_.clear();
  discard_if_unused(out);
}

void sender_core::offer_to(member_id to, sender_output& out) {
  wanting_.erase(to);
  const auto transfer = next_transfer_++;
  receivers_[to].transfer = transfer;
  out.offers.push_back({to, {self_, transfer, checkpoint_->at, checkpoint_->files}});
}

/// One piece of each receiver in turn.
void sender_core::send_waiting(sender_output& out) {
  for (bool more = true; more;) {
    more = false;
    for (auto& [to, receiver] : receivers_) {
      if (receiver.waiting.empty())
        continue;
      if (sent_since_tick_ >= limits_.bytes_per_tick)
        return;
      sent_since_tick_ += receiver.waiting.front().bytes;
      out.to_read.push_back(receiver.waiting.front());
      receiver.waiting.pop_front();
      more = true;
    }
  }
}

void sender_core::end(member_id to, bool installed, sender_output& out) {
  wanting_.erase(to);
  receivers_.erase(to);
  out.results.push_back({to, checkpoint_ ? checkpoint_->at : entry_id{}, installed});
}

/// Whoever wants a newer one than this waits until nobody takes this one any more.
void sender_core::discard_if_unused(sender_output& out) {
  if (!receivers_.empty())
    return;
  if (std::exchange(checkpoint_, std::nullopt))
    out.discard = true;
  if (!wanting_.empty() && !std::exchange(preparing_, true))
    out.prepare = true;
}

} // namespace troupe::snapshot
