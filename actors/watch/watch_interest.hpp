#pragma once

#include "storage/mvcc/key_range.hpp"

namespace troupe::watch {

/// What a watcher wants to hear of.
struct watch_interest {
  mvcc::key_range keys;
  bool puts = true;
  bool deletions = true;
  /// Events come with the key as it was before.
  bool previous = false;

  friend bool operator==(const watch_interest&, const watch_interest&) = default;
};

} // namespace troupe::watch
