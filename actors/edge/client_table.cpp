#include "actors/edge/client_table.hpp"

namespace troupe {

client& client_table::add(caf::io::connection_handle handle, const edge_config& config,
                          std::string remote, time_point now) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  auto slot = free_.back();
  free_.pop_back();
  call_id origin{.edge = config.number, .connection = ++counter_ << slot_bits | slot};
  slots_[slot] =
    std::make_unique<client>(config.limits, shared_, origin, handle, std::move(remote), now);
  auto& result = *slots_[slot];
  result.read_bytes = config.min_read_bytes;
  by_handle_.emplace(handle, &result);
  return result;
}

client* client_table::find(caf::io::connection_handle handle) {
  auto found = by_handle_.find(handle);
  return found == by_handle_.end() ? nullptr : found->second;
}

client* client_table::find(std::uint64_t number) {
  auto slot = number & ((std::uint64_t{1} << slot_bits) - 1);
  if (slot >= slots_.size() || !slots_[slot] || slots_[slot]->number != number)
    return nullptr;
  return slots_[slot].get();
}

void client_table::remove(client& c) {
  auto slot = c.number & ((std::uint64_t{1} << slot_bits) - 1);
  by_handle_.erase(c.handle);
  free_.push_back(static_cast<std::uint32_t>(slot));
  slots_[slot].reset();
}

void client_table::check_at(client& c, time_point when) {
  if (when >= c.scheduled)
    return;
  c.scheduled = when;
  checks_.push({when, c.number});
}

client* client_table::next_due(time_point now) {
  while (!checks_.empty() && checks_.top().when <= now) {
    auto top = checks_.top();
    checks_.pop();
    auto* c = find(top.number);
    if (c == nullptr || c->scheduled != top.when)
      continue;
    c->scheduled = time_point::max();
    return c;
  }
  return nullptr;
}

} // namespace troupe
