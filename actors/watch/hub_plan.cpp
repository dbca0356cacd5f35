#include "actors/watch/hub_plan.hpp"

#include "actors/watch/event_encoding.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace troupe::watch {

namespace {

std::size_t memory_of(const mvcc::event& event) {
  return sizeof(event) + event.kv.key.size() + event.kv.value.size();
}

std::size_t memory_of(const std::vector<mvcc::event>& events) {
  std::size_t bytes = 0;
  for (const auto& event : events)
    bytes += memory_of(event);
  return bytes;
}

using event_place = std::vector<mvcc::event>::iterator;

/// Whole transactions from `first` on, at least one, within the limits.
event_place end_of_piece(event_place first, event_place end, const hub_queue_limits& limits) {
  std::size_t bytes = 0;
  for (auto at = first; at != end;) {
    auto main = at->at.main;
    auto next = std::find_if(at, end, [=](const auto& event) { return event.at.main != main; });
    for (auto event = at; event != next; ++event)
      bytes += memory_of(*event);
    bool too_much = bytes > limits.merge_bytes || main - first->at.main >= limits.merge_revisions;
    if (too_much && at != first)
      return at;
    at = next;
  }
  return end;
}

/// The groups that a plan concerns, in the order in which it came to them.
class concerned {
public:
  void add(group_id group, std::uint32_t position) {
    const auto [place, is_new] = places_.try_emplace(group, groups.size());
    if (is_new)
      groups.push_back({group, {}});
    groups[place->second].second.push_back(position);
  }

  std::vector<std::pair<group_id, std::vector<std::uint32_t>>> groups;

private:
  std::unordered_map<group_id, std::size_t> places_;
};

/// Encodes as asked. @returns false if what was there before is missing for that.
bool encode(batch_event& event, bool plain, bool with_previous) {
  const auto is_first = !has_previous(event.change);
  if (plain || (with_previous && is_first))
    event.encoded = encode_event(event.change);
  if (with_previous && is_first)
    event.encoded_with_previous = event.encoded;
  return !with_previous || is_first;
}

} // namespace

void hub_queue::push(hub_pending&& next, std::int64_t joinable_above) {
  auto first = next.events.begin();
  while (first != next.events.end()) {
    hub_pending piece{.first = next.first, .last = next.last, .term = next.term};
    auto end = end_of_piece(first, next.events.end(), limits_);
    if (first == next.events.begin() && end == next.events.end())
      piece.events = std::exchange(next.events, {});
    else
      piece.events.assign(std::move_iterator{first}, std::move_iterator{end});
    bool is_last = next.events.empty() || end == next.events.end();
    if (!is_last)
      piece.last = piece.events.back().at.main;
    next.first = piece.last + 1;
    push_piece(std::move(piece), joinable_above);
    if (is_last)
      return;
    first = end;
  }
}

void hub_queue::push_piece(hub_pending&& next, std::int64_t joinable_above) {
  next.bytes = memory_of(next.events);
  bytes_ += next.bytes;
  events_ += next.events.size();
  if (!waiting_.empty()) {
    auto& back = waiting_.back();
    if (back.first > joinable_above && back.bytes + next.bytes <= limits_.merge_bytes
        && next.last - back.first < limits_.merge_revisions) {
      back.last = next.last;
      back.term = next.term;
      back.bytes += next.bytes;
      std::move(next.events.begin(), next.events.end(), std::back_inserter(back.events));
      return;
    }
  }
  waiting_.push_back(std::move(next));
}

hub_pending hub_queue::pop() {
  auto oldest = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= oldest.bytes;
  events_ -= oldest.events.size();
  return oldest;
}

hub_plan make_plan(hub_pending&& changes, const interest_index& index) {
  hub_plan plan{.first = changes.first, .last = changes.last};
  std::vector<batch_event> events;
  concerned all;
  std::vector<group_id> found;
  for (auto& change : changes.events) {
    found.clear();
    index.find(change.kv.key, change.kind, found);
    if (found.empty())
      continue;
    const auto position = static_cast<std::uint32_t>(events.size());
    bool plain = false;
    bool with_previous = false;
    for (auto group : found) {
      all.add(group, position);
      (index.wants_previous(group) ? with_previous : plain) = true;
    }
    events.push_back({.change = std::move(change)});
    if (!encode(events.back(), plain, with_previous))
      plan.to_fill.push_back(position);
  }
  if (events.empty())
    return plan;
  const auto count = events.size();
  plan.batch = std::make_shared<event_batch>(
    event_batch{changes.first, changes.last, changes.term, std::move(events)});
  for (auto& [group, positions] : all.groups) {
    watch_events what{.batch = plan.batch};
    if (positions.size() < count)
      what.which = std::make_shared<const std::vector<std::uint32_t>>(std::move(positions));
    plan.wakes.push_back({group, std::move(what)});
  }
  return plan;
}

hub_plan make_gap(std::int64_t first, std::int64_t last, term_t term,
                  const std::set<group_id>& groups) {
  hub_plan plan{.first = first, .last = last};
  plan.batch = std::make_shared<event_batch>(event_batch{first, last, term, {}});
  for (auto group : groups)
    plan.wakes.push_back({group, {.batch = plan.batch, .gap = true}});
  return plan;
}

} // namespace troupe::watch
