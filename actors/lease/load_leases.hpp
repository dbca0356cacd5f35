#pragma once

#include "actors/lease/lease_core.hpp"
#include "storage/mvcc/store.hpp"

namespace troupe::lease {

/// A core that knows the leases which the store holds now. @pre nobody writes to the store
/// meanwhile.
lease_core load_leases(const mvcc::store& store, lease_config config);

} // namespace troupe::lease
