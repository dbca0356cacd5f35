#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "actors/raft/handles.hpp"
#include "actors/raft/role.hpp"

#include <caf/actor_system.hpp>
#include <caf/message.hpp>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::raft {

/// The address of this member for everything in its node and for its peers; lives as long as the
/// node, while the role behind it changes:
///
///   role                   member                      next role
///     | next_role ----------> |
///     |                       | spawn -------------------> |
///     | <-------------- retire|                            |
///     | hands back what came  |                            |
///     | before retire ------> | forwards ----------------> |
///     quits                   |                            |
using member_actor = caf::typed_actor<
  // The node tells whom to talk to, once; the first role starts by it. What came before waits.
  caf::reacts_to<handles>,
  // The ways to the other members, at any time; replaces all known before.
  caf::reacts_to<peer_table>,
  // The role has ended with this; the next one starts.
  caf::reacts_to<next_role>,
  // From clients, by way of the services.
  caf::reacts_to<propose>, caf::reacts_to<read_index_request>, caf::reacts_to<transfer_leadership>,
  // From the other members.
  caf::reacts_to<request_vote>, caf::reacts_to<request_vote_reply>, caf::reacts_to<append>,
  caf::reacts_to<append_reply>, caf::reacts_to<timeout_now>, caf::reacts_to<forward_propose>,
  caf::reacts_to<forward_refused>, caf::reacts_to<forward_read>, caf::reacts_to<forward_read_reply>,
  // From the links to the other members.
  caf::reacts_to<link_lost>, caf::reacts_to<link_found>,
  // From who sends snapshots.
  caf::reacts_to<snapshot_result>,
  // From storage: everything up to this batch is on disk.
  caf::reacts_to<persisted>,
  // From the applier; storage is told how much of the log it may release.
  caf::reacts_to<applied>,
  // From the node's clock.
  caf::reacts_to<tick>, caf::replies_to<get_raft_status>::with<raft_status>>;

/// How one member is launched.
struct member_config {
  core_config core;
  recovered_state found;
  /// Of everything this member draws by chance.
  std::uint64_t seed = 0;
  /// Member and roles get threads of their own; never in a simulation.
  bool detached = false;
};

struct member_state {
  member_state() = default;

  static inline const char* name = "raft.member";

  bool detached = false;
  handles out;
  peer_table peers;
  /// What the first role starts from; null from then on.
  std::shared_ptr<replica> first;
  /// Null until the node has told whom to talk to.
  role_actor role;
  /// What came before the first role.
  std::vector<caf::message> early;
  /// Storage was told that it may release the log up to here.
  log_index released;
};

/// A broken invariant ends it with an error of category `errc`; its role is linked to it. The log
/// and state in `config` fit together. @throws invariant_error otherwise.
member_actor spawn_member(caf::actor_system& system, member_config config);

} // namespace troupe::raft
