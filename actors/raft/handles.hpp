#pragma once

#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>
#include <map>

namespace troupe::raft {

/// Writes the log and the hard state; answers `persisted` to member.
using storage_handle = caf::typed_actor<
  // Write all of this, in the order of sending; one-way.
  caf::reacts_to<persist>,
  // These entries are not needed for a restart any more.
  caf::reacts_to<release_log>>;

/// Applies committed entries and answers the clients.
using applier_handle = caf::typed_actor<
  // Consecutive entries; each exactly once, also over changes of role.
  caf::reacts_to<committed>,
  // These proposals never reached the log.
  caf::reacts_to<propose_refused>>;

/// Waits for read indexes.
using read_client_handle = caf::typed_actor<
  // Each request gets exactly one.
  caf::reacts_to<read_index_reply>>;

/// Shows the member's role and progress.
using status_listener_handle = caf::typed_actor<
  // Sent whenever it differs from the one before.
  caf::reacts_to<raft_status>>;

/// Hears how leadership transfers went.
using transfer_client_handle = caf::typed_actor<
  // Each request gets exactly one.
  caf::reacts_to<transfer_reply>>;

/// Keeps the links to the other members; answers with a new `peer_table` when it has them.
using peer_manager_handle = caf::typed_actor<
  // The configuration in force, at the start and whenever it changes.
  caf::reacts_to<configuration_changed>>;

/// Sends snapshots; answers `snapshot_result` to member.
using snapshot_sender_handle = caf::typed_actor<
  // This follower needs entries that are not kept any more. Once per transfer, while we lead.
  caf::reacts_to<snapshot_wanted>>;

/// The way to one other member. Messages may be lost, late or out of order, and doubled except for
/// `forward_propose`.
using peer_handle =
  caf::typed_actor<caf::reacts_to<request_vote>, caf::reacts_to<request_vote_reply>,
                   caf::reacts_to<append>, caf::reacts_to<append_reply>,
                   caf::reacts_to<timeout_now>, caf::reacts_to<forward_propose>,
                   caf::reacts_to<forward_refused>, caf::reacts_to<forward_read>,
                   caf::reacts_to<forward_read_reply>>;

/// The ways to the other members; who is missing is not reached.
struct peer_table {
  std::map<member_id, peer_handle> peers;
};

/// Whom a member talks to. A null handle gets nothing.
struct handles {
  storage_handle storage;
  applier_handle applier;
  read_client_handle reader;
  status_listener_handle listener;
  transfer_client_handle transfers;
  peer_manager_handle peers;
  snapshot_sender_handle snapshots;
};

} // namespace troupe::raft

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::raft::peer_table)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::raft::handles)
