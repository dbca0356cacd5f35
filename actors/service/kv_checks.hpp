#pragma once

#include "messages/alarms.hpp"
#include "messages/command.hpp"
#include "messages/errc.hpp"
#include "messages/proto/rpc.pb.h"

#include <cstddef>
#include <cstdint>

namespace troupe::service {

/// What can be refused by looking at a request alone, before it costs a log entry or a read round.
/// The first fault in the order of the message decides; `errc::none` says nothing about the state
/// that the request will meet. A compaction has no such faults.
errc check(const etcdserverpb::RangeRequest& request);
errc check(const etcdserverpb::PutRequest& request);
errc check(const etcdserverpb::DeleteRangeRequest& request);

/// @returns lease_ttl_too_large.
errc check(const etcdserverpb::LeaseGrantRequest& request);

/// @returns unknown_method for an action that there is not.
errc check(const etcdserverpb::AlarmRequest& request);

/// @returns wrong_downgrade_version_format unless the version is X.Y or X.Y.Z, and
/// invalid_downgrade_target unless it is the minor release before the cluster's; unknown_method.
errc check(const etcdserverpb::DowngradeRequest& request);

/// As `check`, and refuses what cannot be answered in key order piece by piece.
errc check_stream(const etcdserverpb::RangeRequest& request);

struct txn_limits {
  /// Upper bound for compare, success and failure of the outermost transaction, each (etcd's
  /// `--max-txn-ops`). The longest of the three is taken off the bound of the transactions nested
  /// in it, so the nesting is at most one level deeper than this.
  std::uint32_t max_ops = 128;
};

/// Sizes and operations of all levels and both branches, then keys written twice. Time grows with
/// the size of the request (times a logarithm), stack depth with `limits.max_ops`, whatever the
/// nesting.
errc check(const etcdserverpb::TxnRequest& request, txn_limits limits = {});

/// True if both branches hold ranges only, which then need no log entry. A nested transaction
/// counts as a write, also if it only reads.
bool is_read_only(const etcdserverpb::TxnRequest& request);

/// Of a read-only transaction: true if it may be answered from this member's own state. Every range
/// must allow it; a transaction without operations always may.
bool is_serializable(const etcdserverpb::TxnRequest& request);

/// Whether a transaction can put a key: on either of its ways, nested ones too.
bool can_put(const etcdserverpb::TxnRequest& request);

/// Whether `raised` keeps a command of this kind from being executed, for each member alike: so it
/// can be asked before it is proposed, and counts when it is applied.
/// @param puts of a transaction: whether it can put a key on either of its ways.
/// @returns corrupt, which comes first, or no_space.
errc check_alarms(const raised_alarms& raised, command_kind kind, bool puts);

/// The bytes that etcd would propose for a request of `body_bytes` serialized bytes: the request as
/// one field of a message whose header carries a request id (no user name: authentication is off).
std::size_t proposal_size(command_kind kind, std::size_t body_bytes);

/// @returns errc::request_too_large if the proposal for such a request exceeds `max_request_bytes`
/// (etcd's `--max-request-bytes`).
errc check_proposal_size(command_kind kind, std::size_t body_bytes, std::size_t max_request_bytes);

} // namespace troupe::service
