#pragma once

#include "actors/metrics/meter.hpp"
#include "messages/type_ids.hpp"
#include "storage/raft_log.hpp"

#include <caf/actor_system.hpp>
#include <caf/timespan.hpp>
#include <caf/typed_actor.hpp>
#include <chrono>
#include <memory>
#include <vector>

namespace troupe::storage {

/// Storage to itself, behind everything that waits in its mailbox: write what has been collected.
struct write_collected {};

/// Storage to itself, after a while: close the log's last batch if nothing was written since.
struct close_if_idle {};

/// Hosts the raft log of one member.
using storage_actor = caf::typed_actor<
  // Collected; everything that waits at the same time shares one write and one sync. Then one
  // `persisted` for the newest goes to member.
  caf::reacts_to<persist>,
  // Segments of the log may be recycled up to here.
  caf::reacts_to<release_log>, caf::reacts_to<write_collected>, caf::reacts_to<close_if_idle>>;

/// Hears what is on disk; in a node this is member.
using persisted_handle = caf::typed_actor<caf::reacts_to<persisted>>;

struct storage_config {
  /// Used by nobody else from now on. Its file system outlives the actor.
  std::shared_ptr<raft_log> log;
  persisted_handle member;
  /// The last batch is closed when nothing was written for one to two of these: not at once, since
  /// a lone client's next write would wait for that second sync.
  caf::timespan idle_after = std::chrono::milliseconds{20};
  /// A thread of its own, since it blocks on the disk; never in a simulation.
  bool detached = true;
  metrics::meter meter;
};

struct storage_state {
  storage_state() = default;

  static inline const char* name = "storage";

  storage_config config;
  std::vector<persist> collected;
  bool timer_runs = false;
  bool written_since_timer = false;
};

/// The actor is linked to member. A failure of the log ends it with an error that carries the
/// storage code of `errc` and the text; nothing is answered after that.
storage_actor spawn_storage(caf::actor_system& system, storage_config config);

} // namespace troupe::storage

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::write_collected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::close_if_idle)
