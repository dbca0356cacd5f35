#pragma once

#include "messages/raft.hpp"

#include <vector>

namespace troupe::storage {

/// The Raft log as its actor uses it. Every operation blocks on the disk and throws storage_error;
/// after a failure the object is of no use any more.
class log_writer {
public:
  virtual ~log_writer() = default;

  /// Writes all groups, in order, and returns when they are on disk: one write, one sync.
  virtual void append(const std::vector<persist>& groups) = 0;

  /// Entries up to `upto` are not needed for a restart any more.
  virtual void release(entry_id upto) = 0;

  /// Marks the last batch as acknowledged, so that damage to it is told from a torn write.
  virtual void certify() = 0;

  /// The log's last entry.
  virtual entry_id last() const = 0;
};

} // namespace troupe::storage
