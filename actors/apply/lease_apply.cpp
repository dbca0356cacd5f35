#include "actors/apply/lease_apply.hpp"

#include "messages/ensure.hpp"
#include "storage/mvcc/lease_key.hpp"

#include <optional>
#include <string>

namespace troupe::apply {

namespace {

using storage::family;

std::optional<record::LeaseRecord> stored_lease(const mvcc::store& store, lease_id lease) {
  std::string bytes;
  if (!store.get(family::lease, mvcc::lease_key(lease), bytes))
    return std::nullopt;
  record::LeaseRecord found;
  ensure(found.ParseFromString(bytes), "a stored lease record is well formed");
  return found;
}

/// The lease that was granted there, if it has not ended since.
std::optional<record::LeaseRecord> stored_lease(const mvcc::store& store,
                                                const record::GrantedLease& named) {
  auto found = stored_lease(store, lease_id{named.id()});
  if (found && found->granted_at() != named.granted_at())
    found.reset();
  return found;
}

void store_lease(mvcc::store& store, const record::LeaseRecord& lease) {
  store.put(family::lease, mvcc::lease_key({lease.id()}), lease.SerializeAsString());
}

void delete_keys(mvcc::store& store, lease_id lease) {
  std::vector<std::string> keys;
  auto attached = mvcc::attachments_of(lease);
  store.visit(family::lease, attached.begin, attached.end,
              [&](std::string_view attachment, std::string_view) {
                keys.emplace_back(mvcc::attached_key(attachment));
                return true;
              });
  if (keys.empty())
    return;
  auto txn = store.begin();
  for (const auto& key : keys) {
    auto deleted = txn->delete_range(mvcc::key_range::of(key, {}), nullptr);
    ensure(deleted == 1, "an attached key exists");
  }
}

void end_lease(mvcc::store& store, lease_id lease, std::vector<lease_change>& changes) {
  delete_keys(store, lease);
  store.erase(family::lease, mvcc::lease_key(lease));
  changes.push_back({lease_change::what::revoked, lease});
}

} // namespace

bool stored_leases::lease_exists(lease_id lease) const {
  std::string bytes;
  return store_.get(family::lease, mvcc::lease_key(lease), bytes);
}

errc grant(mvcc::store& store, const etcdserverpb::LeaseGrantRequest& request, log_index at,
           etcdserverpb::LeaseGrantResponse& response, std::vector<lease_change>& changes) {
  lease_id lease{request.id()};
  ensure(lease != lease_id{} && request.ttl() > 0, "who proposes a grant chooses id and TTL");
  if (stored_leases{store}.lease_exists(lease))
    return errc::lease_exists;
  record::LeaseRecord granted;
  granted.set_id(lease.value);
  granted.set_ttl_seconds(request.ttl());
  granted.set_granted_at(at.value);
  store_lease(store, granted);
  changes.push_back({lease_change::what::granted, lease, request.ttl(), at});
  response.set_id(lease.value);
  response.set_ttl(request.ttl());
  response.mutable_header()->set_revision(store.revision());
  return errc::none;
}

errc revoke(mvcc::store& store, const etcdserverpb::LeaseRevokeRequest& request,
            etcdserverpb::LeaseRevokeResponse& response, std::vector<lease_change>& changes) {
  lease_id lease{request.id()};
  if (!stored_leases{store}.lease_exists(lease))
    return errc::lease_not_found;
  end_lease(store, lease, changes);
  response.mutable_header()->set_revision(store.revision());
  return errc::none;
}

void expire(mvcc::store& store, const record::LeaseExpiry& expiry, term_t term,
            std::vector<lease_change>& changes) {
  if (expiry.term() != term.value)
    return;
  for (const auto& lease : expiry.leases())
    if (stored_lease(store, lease))
      end_lease(store, {lease.id()}, changes);
}

void checkpoint(mvcc::store& store, const record::LeaseCheckpoints& checkpoints, term_t term,
                std::vector<lease_change>& changes) {
  if (checkpoints.term() != term.value)
    return;
  for (const auto& left : checkpoints.leases()) {
    auto lease = stored_lease(store, left.lease());
    if (!lease)
      continue;
    lease->set_remaining_ttl_seconds(left.seconds());
    store_lease(store, *lease);
    changes.push_back({lease_change::what::checkpointed, {lease->id()}, left.seconds()});
  }
}

} // namespace troupe::apply
