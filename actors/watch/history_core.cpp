#include "actors/watch/history_core.hpp"

#include "actors/watch/event_encoding.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace troupe::watch {

namespace {

/// Blocks begin at multiples of this where nothing else says where, and a last block grows up to
/// it: watchers that stopped at different revisions, and those that come while the store moves on,
/// do not leave a block for each of them.
constexpr std::int64_t grain = 64;

/// Answers of fewer events are found again faster than they are kept.
constexpr std::size_t worth_keeping = 16;

/// Whether `before` left the key as `change` found it. For a deletion only the store can tell.
bool leads_to(const mvcc::event& before, const mvcc::event& change) {
  return before.kind == mvcc::event::type::put && change.kind == mvcc::event::type::put
         && before.at.main < change.at.main
         && before.kv.create_revision == change.kv.create_revision
         && before.kv.version + 1 == change.kv.version;
}

/// Gives the event what was before. @param at_hand null, or an earlier change of the same key.
void fill(batch_event& event, const mvcc::event* at_hand, const mvcc::snapshot& snapshot) {
  const auto& change = event.change;
  event.previous.reset();
  if (has_previous(change)) {
    if (at_hand && leads_to(*at_hand, change))
      event.previous = at_hand->kv;
    // Compacted: it is gone, like a key that was not there.
    else if (snapshot.get(change.kv.key, change.at.main - 1, event.previous) != errc::none)
      event.previous.reset();
  }
  if (event.previous)
    event.encoded_with_previous = encode_event(change, &*event.previous);
  else
    event.encoded_with_previous = event.encoded.empty() ? encode_event(change) : event.encoded;
}

} // namespace

history_core::history_core(const mvcc::store& store, history_limits limits)
    : store_(store), limits_(limits) {}

history_core::part history_core::read(const watch_interest& interest, std::int64_t first,
                                      std::int64_t last, std::size_t max_bytes) {
  for (;;) {
    const auto snapshot = store_.snapshot();
    // A compaction that is still being written has no way back: its entry is committed.
    const auto floor = snapshot->events_floor();
    drop_below(floor);
    if (first < floor)
      return {.error = errc::compacted, .floor = floor};
    const auto end = std::min(last, snapshot->revision());
    auto from = std::max(first, std::int64_t{1});
    // Who finds something at hand goes no further than that: many who catch up together stay
    // together, and each block is read once for all of them.
    auto loads = cached(from) ? 0U : limits_.loads_per_request;
    bool overtaken = false;
    while (from <= end && (loads > 0 || cached(from))) {
      auto* block = block_at(from, *snapshot, loads);
      overtaken = !block;
      if (overtaken)
        break;
      auto found = find(*block, interest, {from, end, max_bytes}, *snapshot);
      if (found.events.size() > 0)
        return {.events = std::move(found.events), .last = found.last, .floor = floor};
      from = found.last + 1;
    }
    if (!overtaken)
      return {.events = {.batch = nothing_}, .last = std::min(from - 1, end), .floor = floor};
    // By compaction: the floor has risen, perhaps above what is still to be read.
    first = from;
  }
}

history_block* history_core::cached(std::int64_t revision) {
  const auto next = blocks_.upper_bound(revision);
  if (next == blocks_.begin())
    return nullptr;
  auto& before = std::prev(next)->second;
  if (before.block.events().last < revision)
    return nullptr;
  before.used = ++uses_;
  return &before.block;
}

history_block* history_core::block_at(std::int64_t revision, const mvcc::snapshot& snapshot,
                                      unsigned& loads) {
  if (auto* block = cached(revision))
    return block;
  --loads;
  const auto next = blocks_.upper_bound(revision);
  auto batch = std::make_shared<event_batch>();
  batch->first = std::max({revision - revision % grain, snapshot.events_floor(), std::int64_t{1}});
  batch->last = next == blocks_.end() ? snapshot.revision() : next->first - 1;
  if (next != blocks_.begin()) {
    const auto before = std::prev(next);
    const auto& present = before->second.block.events();
    batch->first = std::max(batch->first, present.last + 1);
    if (batch->first == present.last + 1 && batch->first - present.first < grain
        && before->second.block.bytes() < limits_.block_bytes) {
      batch->first = present.first;
      batch->events = present.events;
      erase(before);
    }
  }
  const auto last = batch->last;
  auto* block = load(std::move(batch), snapshot);
  if (!block || block->events().last >= revision)
    return block;
  // It was full before it came to what is asked for.
  batch = std::make_shared<event_batch>();
  batch->first = revision;
  batch->last = last;
  return load(std::move(batch), snapshot);
}

/// Reads what is missing in a batch, and makes it a block; it may end before `last`. @returns null
/// if compaction was faster.
history_block* history_core::load(std::shared_ptr<event_batch> into,
                                  const mvcc::snapshot& snapshot) {
  auto& events = into->events;
  std::size_t bytes = 0;
  for (const auto& event : events)
    bytes += memory_of(event);
  const auto first = events.empty() ? into->first : events.back().change.at.main + 1;
  const auto result = snapshot.visit_events(first, into->last, [&](mvcc::event&& change) {
    if (bytes >= limits_.block_bytes && change.at.main != events.back().change.at.main) {
      into->last = events.back().change.at.main;
      return false;
    }
    events.push_back({.change = std::move(change)});
    events.back().encoded = encode_event(events.back().change);
    bytes += memory_of(events.back());
    ++events_read_;
    return true;
  });
  if (result != errc::none)
    return nullptr;
  events.shrink_to_fit();
  const auto key = into->first;
  auto& made =
    blocks_.try_emplace(key, kept{history_block{std::move(into)}, ++uses_}).first->second.block;
  bytes_ += made.bytes();
  evict(made);
  return &made;
}

history_find history_core::find(history_block& block, const watch_interest& interest,
                                history_window window, const mvcc::snapshot& snapshot) {
  window.last = std::min(window.last, block.events().last);
  if (const auto* known = block.remembered(interest, window))
    return *known;
  const auto before = block.bytes();
  auto found = block.find(interest, window);
  if (interest.previous && found.events.size() > 0)
    with_previous(block, found, snapshot);
  if (found.events.size() >= worth_keeping)
    block.remember(interest, window, found);
  bytes_ += block.bytes() - before;
  evict(block);
  return found;
}

void history_core::with_previous(history_block& block, history_find& found,
                                 const mvcc::snapshot& snapshot) {
  auto own = std::make_shared<event_batch>();
  own->first = block.events().first;
  own->last = block.events().last;
  own->events.reserve(found.events.size());
  for (std::size_t i = 0; i < found.events.size(); ++i) {
    const auto position =
      found.events.which ? (*found.events.which)[i] : static_cast<std::uint32_t>(i);
    const auto* known = block.filled(position);
    if (!known) {
      auto event = block.events().events[position];
      fill(event, block.change_before(position), snapshot);
      known = &block.keep_filled(position, std::move(event));
    }
    own->events.push_back(*known);
  }
  found.events = {.batch = std::move(own)};
}

void history_core::fill_previous(event_batch& batch,
                                 const std::vector<std::uint32_t>& which) const {
  const auto snapshot = store_.snapshot();
  std::unordered_map<std::string_view, const mvcc::event*> latest;
  auto next = which.begin();
  for (std::uint32_t i = 0; i < batch.events.size() && next != which.end(); ++i) {
    auto& event = batch.events[i];
    auto& before = latest[event.change.kv.key];
    if (*next == i) {
      fill(event, before, *snapshot);
      ++next;
    }
    before = &event.change;
  }
}

history_core::block_map::iterator history_core::erase(block_map::iterator block) {
  bytes_ -= block->second.block.bytes();
  return blocks_.erase(block);
}

void history_core::drop_below(std::int64_t floor) {
  while (!blocks_.empty() && blocks_.begin()->second.block.events().last < floor)
    erase(blocks_.begin());
}

void history_core::evict(const history_block& but) {
  while (bytes_ > limits_.cache_bytes && blocks_.size() > 1) {
    auto oldest = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block)
      if (&block->second.block != &but
          && (oldest == blocks_.end() || block->second.used < oldest->second.used))
        oldest = block;
    erase(oldest);
  }
}

} // namespace troupe::watch
