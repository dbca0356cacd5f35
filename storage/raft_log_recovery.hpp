#pragma once

#include "messages/raft.hpp"
#include "storage/file_system.hpp"
#include "storage/raft_log_index.hpp"
#include "storage/raft_log_segment.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace troupe::storage {

/// What a directory holds of a log, read and checked. Without segments it holds no log yet.
struct recovery_result {
  /// Oldest first, consecutive numbers; the last one is written on.
  std::deque<log_segment> segments;
  /// Files that may be used again, in the order of their numbers.
  std::vector<std::string> spare_paths;
  raft_log_index index{entry_id{}};
  hard_state state;
  std::vector<entry> entries;
  std::uint64_t salt = 0;
  /// The last batch that counts.
  batch_number newest;
  /// The highest number in use, `newest` or that of a torn batch behind it.
  batch_number highest;
  /// Bytes of all segments up to the end of the last batch.
  std::uint64_t position = 0;
  /// Whether `newest` has no records, so that nothing is left to certify.
  bool closed = true;
  /// A batch that was never acknowledged stood at the end, incomplete; it does not count.
  bool torn_tail = false;
};

/// Reads the log in `directory`. What counts is on disk when it returns: all up to the first bad
/// batch, if nothing shows that this batch was once complete. Else acknowledged data is gone and
/// the log is refused.
/// @throws storage_error `data_damaged`, `data_newer`, `data_foreign` (another member's log, or no
/// log at all), or what the file system throws. Changes nothing in the first three cases.
recovery_result recover_raft_log(file_system& files, const std::string& directory,
                                 cluster_id cluster, member_id member);

} // namespace troupe::storage
