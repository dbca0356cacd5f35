#pragma once

#include "messages/raft.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace troupe::raft {

/// The tail of the log that a member keeps in memory: every entry after `before_first`, without a
/// gap. What lies before it is applied and only on disk.
class log_view {
public:
  log_view() = default;

  /// `entries` are consecutive and the first one follows `before_first`. @throws invariant_error
  /// otherwise.
  log_view(entry_id before_first, std::vector<entry> entries);

  entry_id before_first() const {
    return before_first_;
  }

  /// The newest entry; `before_first()` if the tail is empty.
  entry_id last() const;

  /// Term of the entry at `index`; `before_first()` still counts. Empty if `index` lies before or
  /// behind what is kept.
  std::optional<term_t> term_at(log_index index) const;

  /// Whether this very entry is kept (or is `before_first()`).
  bool holds(entry_id id) const;

  /// `index` is within (before_first, last].
  const entry& at(log_index index) const;

  /// `next` follows `last()` and its term is not older.
  void append(entry next);

  /// Forgets `first` and everything behind it; `first` is kept at the moment.
  void cut_from(log_index first);

  /// Entries from `first` to `last`, at most `max_bytes` in total unless the first is larger;
  /// `first` is behind `before_first()`. Payloads are shared, not copied. Empty if `first` >
  /// `last`.
  std::vector<entry> slice(log_index first, log_index last, std::size_t max_bytes) const;

  /// Forgets the oldest entries up to `upto` while the tail takes more than `budget` bytes.
  void trim(log_index upto, std::size_t budget);

  /// Memory that the kept entries take, payloads included.
  std::size_t bytes() const {
    return bytes_;
  }

private:
  std::size_t offset(log_index index) const;

  entry_id before_first_;
  std::deque<entry> entries_;
  std::size_t bytes_ = 0;
};

/// Bytes that one entry costs in memory and, roughly, on disk and wire.
std::size_t cost_of(const entry& x);

} // namespace troupe::raft
