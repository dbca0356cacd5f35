#pragma once

#include "actors/apply/state_view.hpp"
#include "messages/errc.hpp"
#include "messages/lease.hpp"
#include "messages/proto/record.pb.h"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/store.hpp"

#include <vector>

namespace troupe::apply {

/// The leases as of the store's open batch.
class stored_leases final : public state_view {
public:
  /// @param store outlives it.
  explicit stored_leases(const mvcc::store& store) : store_(store) {}

  bool lease_exists(lease_id lease) const override;

private:
  const mvcc::store& store_;
};

/// What the log does to leases, in the open batch of the store. Nothing here knows the time: the
/// result follows from log and state and is the same on every member. `changes` gets what has
/// happened, in order; of a response's header only the revision is set.
/// @pre no transaction is open.

/// @param at the entry that grants it. @pre the id is not 0 and the TTL within its bounds.
/// @returns lease_exists if the id is taken.
errc grant(mvcc::store& store, const etcdserverpb::LeaseGrantRequest& request, log_index at,
           etcdserverpb::LeaseGrantResponse& response, std::vector<lease_change>& changes);

/// Ends the lease and deletes its keys, in their order, as one revision; none if it has no keys.
/// @returns lease_not_found.
errc revoke(mvcc::store& store, const etcdserverpb::LeaseRevokeRequest& request,
            etcdserverpb::LeaseRevokeResponse& response, std::vector<lease_change>& changes);

/// Ends each lease of the list that is still the one it names, as `revoke` does. @param term of the
/// entry.
void expire(mvcc::store& store, const record::LeaseExpiry& expiry, term_t term,
            std::vector<lease_change>& changes);

/// Notes what is left of each lease that is still the one it names. @param term of the entry.
void checkpoint(mvcc::store& store, const record::LeaseCheckpoints& checkpoints, term_t term,
                std::vector<lease_change>& changes);

} // namespace troupe::apply
