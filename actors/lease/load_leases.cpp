#include "actors/lease/load_leases.hpp"

#include "messages/ensure.hpp"
#include "messages/proto/record.pb.h"
#include "storage/mvcc/lease_key.hpp"

namespace troupe::lease {

lease_core load_leases(const mvcc::store& store, lease_config config) {
  lease_core core{config};
  auto all = mvcc::all_lease_keys();
  store.visit(storage::family::lease, all.begin, all.end,
              [&](std::string_view, std::string_view bytes) {
                record::LeaseRecord lease;
                ensure(lease.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())),
                       "a stored lease record is well formed");
                core.load({lease.id()}, {lease.granted_at()}, lease.ttl_seconds(),
                          lease.remaining_ttl_seconds());
                return true;
              });
  return core;
}

} // namespace troupe::lease
