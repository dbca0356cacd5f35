#pragma once

#include "storage/raft_log_record.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace troupe::storage {

/// Consecutive entries of one term whose records lie one after the other in one segment.
struct log_run {
  segment_number segment;
  std::uint64_t offset = 0;
  /// At most: after a cut the run has fewer entries than its bytes hold.
  std::uint64_t bytes = 0;
  term_t term;
  log_index first;
  /// Never 0.
  std::uint64_t count = 0;
  /// Bytes of the whole log, over all segments since it was opened, before this run.
  std::uint64_t position = 0;

  log_index last() const {
    return first + (count - 1);
  }
};

/// Where an entry's record starts.
struct record_place {
  segment_number segment;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t position = 0;
};

/// Which entries the log holds and where: about 60 bytes per batch, not per entry.
class raft_log_index {
public:
  explicit raft_log_index(entry_id before) : before_(before) {}

  entry_id before_first() const {
    return before_;
  }

  entry_id last() const;

  /// @pre id.index is last().index + 1.
  void append(entry_id id, const record_place& place);

  /// `last` becomes the last entry. If it lies before the first one, the log starts anew after it.
  void cut(entry_id last);

  /// Empty if the log does not know the entry; it knows that of before_first().
  std::optional<term_t> term_of(log_index index) const;

  /// The run that holds the entry. @pre before_first().index < index <= last().index.
  const log_run& find(log_index index) const;

  /// The last entry that lies in this segment or in an earlier one; before_first() if there is
  /// none.
  log_index last_in(segment_number segment) const;

  /// Forgets this segment and all earlier ones; `before` becomes before_first().
  void forget(segment_number segment, entry_id before);

private:
  entry_id before_;
  std::deque<log_run> runs_;
};

} // namespace troupe::storage
