#pragma once

#include "storage/mvcc/event.hpp"
#include "storage/mvcc/source.hpp"

#include <cstdint>
#include <functional>

namespace troupe::mvcc {

/// What was committed when it was made: revision() and compacted() stay as they are, whatever is
/// written meanwhile. For one thread at a time; must end before its store. It holds no resources:
/// if history that it could read is removed while it is used, reads answer errc::compacted.
class snapshot : public source {
public:
  /// Changes below it may be gone, and are for good soon: at least compacted(), and above it once a
  /// later compaction has begun.
  virtual std::int64_t events_floor() const = 0;

  /// Shows every change with first <= main revision <= last, in the order of revision, until `show`
  /// returns false. @pre first > 0, last <= revision().
  /// @returns compacted if changes of the range have been removed, then also after some were shown;
  /// never does it leave one out.
  virtual errc visit_events(std::int64_t first, std::int64_t last,
                            const std::function<bool(event&&)>& show) const = 0;
};

} // namespace troupe::mvcc
