#pragma once

#include "messages/lease.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>

namespace troupe::lease {

/// The lease manager, as the applier sees it.
using manager_face = caf::typed_actor<
  // What was applied; in the order of the log.
  caf::reacts_to<lease_changes>,
  // The manager's proposals among those that never reached the log.
  caf::reacts_to<propose_refused>,
  // Leadership changed.
  caf::reacts_to<raft_status>>;

} // namespace troupe::lease

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lease_changes)
