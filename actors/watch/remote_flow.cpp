#include "actors/watch/remote_flow.hpp"

#include <utility>

namespace troupe::watch {

namespace {

/// Numbers and lengths of an event, and of what the key was before.
constexpr std::size_t event_overhead = 64;

key_value_v1 key_value_of(const mvcc::key_value& kv) {
  return {kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease.value};
}

std::size_t end_of_transaction(const watch_events& events, std::size_t first) {
  auto end = first;
  while (end < events.size() && events[end].change.at.main == events[first].change.at.main)
    ++end;
  return end;
}

} // namespace

bool remote_flow::wanted(const batch_event& event) const {
  return event.change.kind == mvcc::event::type::put ? interest_.puts : interest_.deletions;
}

std::size_t remote_flow::bytes_of(const batch_event& event) const {
  auto bytes = event_overhead + event.change.kv.key.size() + event.change.kv.value.size();
  if (interest_.previous && event.previous)
    bytes += event.previous->key.size() + event.previous->value.size();
  return bytes;
}

std::size_t remote_flow::bytes_of(const watch_events& events, std::size_t first,
                                  std::size_t last) const {
  std::size_t bytes = 0;
  for (auto i = first; i < last; ++i)
    if (wanted(events[i]))
      bytes += bytes_of(events[i]);
  return bytes;
}

event_v1 remote_flow::event_of(const batch_event& event) const {
  event_v1 result;
  const auto& kv = event.change.kv;
  result.deleted = event.change.kind == mvcc::event::type::deletion;
  if (result.deleted) {
    result.kv.key = kv.key;
    result.kv.mod_revision = kv.mod_revision;
  } else {
    result.kv = key_value_of(kv);
  }
  if (interest_.previous && event.previous) {
    result.has_previous = true;
    result.previous = key_value_of(*event.previous);
  }
  return result;
}

remote_flow::packed remote_flow::pack(const watch_events& events, std::int64_t upto) {
  packed result{.messages = {}, .next = upto + 1};
  unsent message;
  for (std::size_t i = 0; i < events.size();) {
    auto revision = events[i].change.at.main;
    auto end = end_of_transaction(events, i);
    auto bytes = bytes_of(events, i, end);
    auto before = in_flight_ + message.bytes;
    if (before > 0 && before + bytes > limits_.window_bytes) {
      result.next = revision;
      break;
    }
    if (message.bytes + bytes > limits_.message_bytes)
      close(message, revision - 1, result);
    for (; i < end; ++i) {
      if (!wanted(events[i]))
        continue;
      auto one = bytes_of(events[i]);
      if (message.bytes + one > limits_.message_bytes)
        close(message, revision - 1, result);
      message.events.push_back(event_of(events[i]));
      message.bytes += one;
    }
  }
  close(message, result.next - 1, result);
  return result;
}

void remote_flow::close(unsent& message, std::int64_t upto, packed& result) {
  if (message.events.empty())
    return;
  result.messages.push_back({++last_number_, upto, std::move(message.events)});
  unacknowledged_.push_back({last_number_, message.bytes});
  in_flight_ += message.bytes;
  message = {};
}

void remote_flow::on_credit(std::uint64_t number) {
  while (!unacknowledged_.empty() && unacknowledged_.front().number <= number) {
    in_flight_ -= unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
  }
}

} // namespace troupe::watch
