#include "actors/apply/lease_apply.hpp"

#include "messages/ensure.hpp"
#include "storage/mvcc/lease_key.hpp"

#include <memory>
#include <optional>
#include <string>

namespace troupe::apply {

namespace {

using storage::family;

/// @param attachments a walk of the family.
std::vector<std::string> attached_keys(lease_id lease, storage::read_view::walker& attachments) {
  std::vector<std::string> keys;
  auto range = mvcc::attachments_of(lease);
  attachments.visit(range.begin, *range.end, [&](std::string_view attachment, std::string_view) {
    keys.emplace_back(mvcc::attached_key(attachment));
    return true;
  });
  return keys;
}

/// Leases and their attachments, each cheap to find if its number is little above the last one's.
class lease_walk {
public:
  explicit lease_walk(const mvcc::store& store)
      : leases_(store.walk(family::lease)), attachments_(store.walk(family::lease)) {}

  /// The lease that was granted there, if it has not ended since.
  std::optional<record::LeaseRecord> find(const record::GrantedLease& named) {
    std::optional<record::LeaseRecord> found;
    auto key = mvcc::lease_key({named.id()});
    leases_->visit(key, key + '\0', [&](std::string_view, std::string_view bytes) {
      ensure(found.emplace().ParseFromArray(bytes.data(), static_cast<int>(bytes.size())),
             "a stored lease record is well formed");
      return false;
    });
    if (found && found->granted_at() != named.granted_at())
      found.reset();
    return found;
  }

  std::vector<std::string> keys_of(lease_id lease) {
    return attached_keys(lease, *attachments_);
  }

private:
  // One for each: they lie far from each other.
  const std::unique_ptr<storage::read_view::walker> leases_;
  const std::unique_ptr<storage::read_view::walker> attachments_;
};

void store_lease(mvcc::store& store, const record::LeaseRecord& lease) {
  store.put(family::lease, mvcc::lease_key({lease.id()}), lease.SerializeAsString());
}

void delete_keys(mvcc::store& store, const std::vector<std::string>& keys) {
  if (keys.empty())
    return;
  auto txn = store.begin();
  for (const auto& key : keys) {
    auto deleted = txn->delete_range(mvcc::key_range::of(key, {}), nullptr);
    ensure(deleted == 1, "an attached key exists");
  }
}

void end_lease(mvcc::store& store, lease_id lease, const std::vector<std::string>& keys,
               std::vector<lease_change>& changes) {
  delete_keys(store, keys);
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
  auto keys = attached_keys(lease, *store.walk(family::lease));
  end_lease(store, lease, keys, changes);
  response.mutable_header()->set_revision(store.revision());
  return errc::none;
}

void expire(mvcc::store& store, const record::LeaseExpiry& expiry, term_t term,
            std::vector<lease_change>& changes) {
  if (expiry.term() != term.value)
    return;
  lease_walk walk{store};
  for (const auto& lease : expiry.leases())
    if (walk.find(lease))
      end_lease(store, {lease.id()}, walk.keys_of({lease.id()}), changes);
}

void checkpoint(mvcc::store& store, const record::LeaseCheckpoints& checkpoints, term_t term,
                std::vector<lease_change>& changes) {
  if (checkpoints.term() != term.value)
    return;
  lease_walk walk{store};
  for (const auto& left : checkpoints.leases()) {
    auto lease = walk.find(left.lease());
    if (!lease)
      continue;
    lease->set_remaining_ttl_seconds(left.seconds());
    store_lease(store, *lease);
    changes.push_back({lease_change::what::checkpointed, {lease->id()}, left.seconds()});
  }
}

} // namespace troupe::apply
