#include "actors/raft/core/log_view.hpp"

#include "messages/ensure.hpp"

#include <utility>

namespace troupe::raft {

std::size_t cost_of(const entry& x) {
  return sizeof(entry) + x.payload.size();
}

log_view::log_view(entry_id before_first, std::vector<entry> entries)
    : before_first_(before_first) {
  for (auto& next : entries)
    append(std::move(next));
}

entry_id log_view::last() const {
  return entries_.empty() ? before_first_ : entries_.back().id;
}

std::optional<term_t> log_view::term_at(log_index index) const {
  if (index == before_first_.index)
    return before_first_.term;
  if (index < before_first_.index || index > last().index)
    return std::nullopt;
  return at(index).id.term;
}

bool log_view::holds(entry_id id) const {
  return term_at(id.index) == id.term;
}

const entry& log_view::at(log_index index) const {
  ensure(index > before_first_.index && index <= last().index, "the entry is kept in memory");
  return entries_[offset(index)];
}

void log_view::append(entry next) {
  ensure(next.id.index == last().index + 1, "an entry follows its predecessor without a gap");
  ensure(next.id.term >= last().term, "terms never fall along the log");
  bytes_ += cost_of(next);
  entries_.push_back(std::move(next));
}

void log_view::cut_from(log_index first) {
  ensure(first > before_first_.index && first <= last().index, "the cut lies in the kept tail");
  while (last().index >= first) {
    bytes_ -= cost_of(entries_.back());
    entries_.pop_back();
  }
}

std::vector<entry> log_view::slice(log_index first, log_index last, std::size_t max_bytes) const {
  std::vector<entry> result;
  if (first > last)
    return result;
  ensure(first > before_first_.index, "a slice starts within the kept tail");
  ensure(last <= this->last().index, "a slice ends within the kept tail");
  std::size_t bytes = 0;
  for (auto index = first; index <= last; index = index + 1) {
    const auto& next = entries_[offset(index)];
    bytes += cost_of(next);
    if (!result.empty() && bytes > max_bytes)
      break;
    result.push_back(next);
  }
  return result;
}

void log_view::trim(log_index upto, std::size_t budget) {
  while (bytes_ > budget && !entries_.empty() && entries_.front().id.index <= upto) {
    bytes_ -= cost_of(entries_.front());
    before_first_ = entries_.front().id;
    entries_.pop_front();
  }
}

std::size_t log_view::offset(log_index index) const {
  return index - before_first_.index - 1;
}

} // namespace troupe::raft
