#include "actors/watch/history_block.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string_view>
#include <utility>

namespace troupe::watch {

namespace {

/// Like etcd.
constexpr std::size_t max_revisions = 1000;

/// Watchers that come back together differ in little but where they stopped.
constexpr std::size_t kept_answers = 16;

bool wanted(const mvcc::event& change, const watch_interest& interest) {
  return change.kind == mvcc::event::type::put ? interest.puts : interest.deletions;
}

} // namespace

std::size_t memory_of(const batch_event& event) {
  auto bytes = sizeof(event) + event.change.kv.key.size() + event.change.kv.value.size()
               + event.encoded.size() + event.encoded_with_previous.size();
  if (event.previous)
    bytes += event.previous->key.size() + event.previous->value.size();
  return bytes;
}

history_block::history_block(std::shared_ptr<const event_batch> batch)
    : batch_(std::move(batch)), by_key_(batch_->events.size()) {
  const auto& events = batch_->events;
  std::iota(by_key_.begin(), by_key_.end(), 0U);
  std::stable_sort(by_key_.begin(), by_key_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return events[a].change.kv.key < events[b].change.kv.key;
  });
  for (const auto& event : events)
    bytes_ += memory_of(event) + sizeof(std::uint32_t);
}

std::uint32_t history_block::position_of(std::int64_t revision) const {
  const auto& events = batch_->events;
  const auto found = std::lower_bound(
    events.begin(), events.end(), revision,
    [](const batch_event& event, std::int64_t main) { return event.change.at.main < main; });
  return static_cast<std::uint32_t>(found - events.begin());
}

std::vector<std::uint32_t> history_block::matches(const watch_interest& interest,
                                                  std::uint32_t begin, std::uint32_t end) const {
  const auto& events = batch_->events;
  const auto before = [&](std::uint32_t position, std::string_view key) {
    return events[position].change.kv.key < key;
  };
  const auto from = std::lower_bound(by_key_.begin(), by_key_.end(), interest.keys.begin, before);
  const auto to = interest.keys.end
                    ? std::lower_bound(from, by_key_.end(), *interest.keys.end, before)
                    : by_key_.end();
  std::vector<std::uint32_t> result;
  const auto take = [&](std::uint32_t position) {
    if (wanted(events[position].change, interest))
      result.push_back(position);
  };
  // Few keys: as they stand. Many: in order, which saves sorting them.
  if (static_cast<std::size_t>(to - from) * 8 < events.size()) {
    std::for_each(from, to, [&](std::uint32_t position) {
      if (begin <= position && position < end)
        take(position);
    });
    std::sort(result.begin(), result.end());
  } else {
    for (auto position = begin; position < end; ++position)
      if (interest.keys.contains(events[position].change.kv.key))
        take(position);
  }
  return result;
}

void history_block::cut(std::vector<std::uint32_t>& positions, history_find& found,
                        std::size_t max_bytes) const {
  std::size_t bytes = 0;
  std::size_t revisions = 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto& event = batch_->events[positions[i]];
    if (event.change.at.main != last) {
      if (revisions == max_revisions || (revisions > 0 && bytes >= max_bytes)) {
        positions.resize(i);
        found.last = last;
        return;
      }
      last = event.change.at.main;
      ++revisions;
    }
    bytes += event.encoded.size();
  }
}

history_find history_block::find(const watch_interest& interest, const history_window& window) {
  history_find found{.events = {.batch = batch_}, .last = std::min(window.last, batch_->last)};
  auto positions = matches(interest, position_of(window.first), position_of(found.last + 1));
  cut(positions, found, window.max_bytes);
  if (positions.size() < batch_->events.size())
    found.events.which = std::make_shared<const std::vector<std::uint32_t>>(std::move(positions));
  return found;
}

void history_block::remember(const watch_interest& interest, const history_window& window,
                             const history_find& found) {
  answer kept{interest, window, found, sizeof(answer) + interest.keys.begin.size()};
  if (found.events.which)
    kept.bytes += found.events.which->size() * sizeof(std::uint32_t);
  if (found.events.batch != batch_)
    for (const auto& event : found.events.batch->events)
      kept.bytes += memory_of(event);
  bytes_ += kept.bytes;
  if (answers_.size() < kept_answers) {
    answers_.push_back(std::move(kept));
    return;
  }
  bytes_ -= answers_[next_answer_].bytes;
  answers_[next_answer_] = std::move(kept);
  next_answer_ = (next_answer_ + 1) % kept_answers;
}

const history_find* history_block::remembered(const watch_interest& interest,
                                              const history_window& window) const {
  for (const auto& kept : answers_)
    if (kept.window == window && kept.interest == interest)
      return &kept.found;
  return nullptr;
}

const mvcc::event* history_block::change_before(std::uint32_t position) const {
  const auto& events = batch_->events;
  const auto& key = events[position].change.kv.key;
  const auto here = std::lower_bound(by_key_.begin(), by_key_.end(), position,
                                     [&](std::uint32_t a, std::uint32_t b) {
                                       const auto order = events[a].change.kv.key.compare(key);
                                       return order != 0 ? order < 0 : a < b;
                                     });
  if (here == by_key_.begin())
    return nullptr;
  const auto& before = events[*std::prev(here)].change;
  return before.kv.key == key ? &before : nullptr;
}

const batch_event* history_block::filled(std::uint32_t position) const {
  const auto found = filled_.find(position);
  return found == filled_.end() ? nullptr : &found->second;
}

const batch_event& history_block::keep_filled(std::uint32_t position, batch_event event) {
  bytes_ += memory_of(event);
  return filled_.insert_or_assign(position, std::move(event)).first->second;
}

} // namespace troupe::watch
