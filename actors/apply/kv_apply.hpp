#pragma once

#include "actors/apply/state_view.hpp"
#include "messages/errc.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/store.hpp"

#include <cstdint>

namespace troupe::apply {

/// Carries out one request of the log on its own transaction of the store. The result follows from
/// the log and the state alone, and is the same on every member. Any code but `errc::none` means
/// that nothing was written; `response` is then unspecified. Of a header only the revision is set:
/// the caller knows the rest.
/// @pre check(request) of service/kv_checks passed; `txn` is new and `response` empty.

/// @returns lease_not_found, or key_not_found if a part of a missing key is to be kept.
errc apply(mvcc::write_txn& txn, const etcdserverpb::PutRequest& request,
           etcdserverpb::PutResponse& response, const state_view& state);

errc apply(mvcc::write_txn& txn, const etcdserverpb::DeleteRangeRequest& request,
           etcdserverpb::DeleteRangeResponse& response);

/// Compares, here and in nested transactions, and all that can fail look at the state before the
/// first write; then the operations run in order, each seeing the ones before it.
/// @returns compacted, future_revision, lease_not_found or key_not_found, of the first operation on
/// the way taken that would fail.
errc apply(mvcc::write_txn& txn, const etcdserverpb::TxnRequest& request,
           etcdserverpb::TxnResponse& response, const state_view& state);

/// The same for a transaction that only reads. @pre is_read_only(request).
errc evaluate(const mvcc::source& source, const etcdserverpb::TxnRequest& request,
              etcdserverpb::TxnResponse& response);

/// Whether the store can forget what lies below `revision`: it must be above the last compacted
/// revision (-1 at first, so that 0 and 1 are fine on a new store) and not above the newest.
errc check_compaction(const mvcc::source& source, std::int64_t revision);

} // namespace troupe::apply
