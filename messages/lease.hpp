#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <vector>

namespace troupe {

/// Proposals of the lease manager count from here, those of the service from 1: counters of one
/// boot are unique.
inline constexpr std::uint64_t first_lease_counter = std::uint64_t{1} << 63;

/// What an applied entry did to one lease.
struct lease_change {
  enum class what : std::uint8_t { granted, revoked, checkpointed };

  what kind = what::granted;
  lease_id lease;
  /// granted: the TTL. checkpointed: what is left, 0 if the checkpoint was cleared. Else 0.
  std::int64_t seconds = 0;
  /// granted: the entry that did it; names this lease among others of the same id.
  log_index granted_at;
};

/// From the applier to the lease manager, before the answers to the same entries leave: a client
/// whose grant is answered can renew at once.
struct lease_changes {
  /// In the order of the log.
  std::vector<lease_change> changes;
  /// Counters of the manager's proposals, of this boot, that have been applied, with or without
  /// effect.
  std::vector<std::uint64_t> applied_proposals;
  /// Everything up to here is in the state.
  entry_id upto;
};

} // namespace troupe
