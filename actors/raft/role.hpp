#pragma once

#include "actors/raft/core/output.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>

namespace troupe::raft {

/// From a role to member: it has ended and hands back whatever still reaches it.
struct next_role {
  role_change change;
};

/// What every role takes; each one answers by its own rules, or hands the message back to member
/// when it has ended.
using role_actor = caf::typed_actor<
  // From other members, by way of member (paper figure 2).
  caf::reacts_to<request_vote>, caf::reacts_to<request_vote_reply>, caf::reacts_to<append>,
  caf::reacts_to<append_reply>,
  // Everything up to this batch is on disk.
  caf::reacts_to<persisted>,
  // The state machine has come this far.
  caf::reacts_to<applied>,
  // One logical tick; carries no wall-clock time.
  caf::reacts_to<tick>,
  // Appended, or refused towards the applier.
  caf::reacts_to<propose>,
  // Answered towards the reader.
  caf::reacts_to<read_index_request>, caf::replies_to<get_raft_status>::with<raft_status>,
  // The last message a role gets: member has started the next one.
  caf::reacts_to<retire>>;

} // namespace troupe::raft

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::raft::next_role)
