#pragma once

#include "storage/backup/backup_reader.hpp"
#include "storage/engine.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe::backup {

struct restore_rules {
  /// The revision becomes higher by this than that of the backup: so that nobody who has seen
  /// revisions which came after the backup meets them a second time with other content.
  std::int64_t bump_revision = 0;
  /// All history up to the new revision counts as compacted: who knew the old cluster's is told so.
  bool mark_compacted = false;
  /// Written at once.
  std::size_t batch_bytes = std::size_t{4} << 20;
};

struct restored_state {
  std::int64_t revision = 1;
  /// -1: all history is there.
  std::int64_t compacted = -1;
};

/// Writes the state of a backup into an engine that holds none, as the state before the first entry
/// of a new log, and makes it durable. Keys keep their revisions, leases what is left of their TTL.
/// Members and what else describes the old cluster itself (`meta`) stay behind.
///
/// @throws storage_error `data_damaged` and so on by the reader, `data_foreign` if the engine holds
/// a state, or a failure of the disk. Then the engine's content is of no use: only at the very end
/// is it known that the backup is good.
restored_state restore_state(backup_reader& from, storage::engine& to,
                             const restore_rules& rules = {});

} // namespace troupe::backup
