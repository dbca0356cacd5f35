#include "storage/raft_log_index.hpp"

#include "messages/ensure.hpp"

#include <algorithm>

namespace troupe::storage {
namespace {

// Who wants one entry reads its run up to it: keep that cheap.
constexpr std::uint64_t run_bytes_limit = std::uint64_t{64} << 10;

bool continues(const log_run& run, entry_id id, const record_place& place) {
  return run.segment == place.segment && run.term == id.term
         && run.offset + run.bytes == place.offset && run.bytes < run_bytes_limit;
}

} // namespace

entry_id raft_log_index::last() const {
  return runs_.empty() ? before_ : entry_id{runs_.back().term, runs_.back().last()};
}

void raft_log_index::append(entry_id id, const record_place& place) {
  ensure(id.index == last().index + 1, "entries of the log are consecutive");
  if (!runs_.empty() && continues(runs_.back(), id, place)) {
    runs_.back().bytes += place.bytes;
    ++runs_.back().count;
    return;
  }
  runs_.push_back({.segment = place.segment,
                   .offset = place.offset,
                   .bytes = place.bytes,
                   .term = id.term,
                   .first = id.index,
                   .count = 1,
                   .position = place.position});
}

void raft_log_index::cut(entry_id last) {
  while (!runs_.empty() && runs_.back().first > last.index)
    runs_.pop_back();
  if (!runs_.empty())
    runs_.back().count = std::min(runs_.back().count, last.index - runs_.back().first + 1);
  if (last.index < before_.index)
    before_ = last;
  ensure(this->last() == last, "a log is cut back to an entry that it holds");
}

std::optional<term_t> raft_log_index::term_of(log_index index) const {
  if (index == before_.index)
    return before_.term;
  if (index < before_.index || index > last().index)
    return std::nullopt;
  return find(index).term;
}

const log_run& raft_log_index::find(log_index index) const {
  ensure(before_.index < index && index <= last().index, "the log holds the entry");
  auto after = std::upper_bound(runs_.begin(), runs_.end(), index,
                                [](log_index i, const log_run& run) { return i < run.first; });
  return *std::prev(after);
}

log_index raft_log_index::last_in(segment_number segment) const {
  auto after =
    std::upper_bound(runs_.begin(), runs_.end(), segment,
                     [](segment_number n, const log_run& run) { return n < run.segment; });
  return after == runs_.begin() ? before_.index : std::prev(after)->last();
}

void raft_log_index::forget(segment_number segment, entry_id before) {
  while (!runs_.empty() && runs_.front().segment <= segment)
    runs_.pop_front();
  before_ = before;
}

} // namespace troupe::storage
