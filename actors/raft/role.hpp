#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/handles.hpp"
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
  // From a leader that hands over (thesis 3.10).
  caf::reacts_to<timeout_now>,
  // What followers send on, and the answers to it.
  caf::reacts_to<forward_propose>, caf::reacts_to<forward_refused>, caf::reacts_to<forward_read>,
  caf::reacts_to<forward_read_reply>,
  // Everything up to this batch is on disk.
  caf::reacts_to<persisted>,
  // The state machine has come this far.
  caf::reacts_to<applied>,
  // One logical tick; carries no wall-clock time.
  caf::reacts_to<tick>,
  // Appended, forwarded, or refused towards the applier.
  caf::reacts_to<propose>,
  // Answered towards the reader.
  caf::reacts_to<read_index_request>,
  // Answered towards who asks for transfers.
  caf::reacts_to<transfer_leadership>,
  // From the links to the other members.
  caf::reacts_to<link_lost>, caf::reacts_to<link_found>,
  // From who sends snapshots.
  caf::reacts_to<snapshot_result>,
  // The ways to the other members from now on.
  caf::reacts_to<peer_table>, caf::replies_to<get_raft_status>::with<raft_status>,
  // The last message a role gets: member has started the next one.
  caf::reacts_to<retire>>;

} // namespace troupe::raft

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::raft::next_role)
