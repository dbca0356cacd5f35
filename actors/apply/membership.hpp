#pragma once

#include "messages/membership.hpp"
#include "messages/proto/record.pb.h"
#include "messages/raft.hpp"
#include "storage/mvcc/store.hpp"

namespace troupe::apply {

/// Makes a configuration entry the configuration of the state, in the open batch of the store: as a
/// whole (`configuration` in family `meta`), and a record for each of its members, for those who
/// list them. What a member published of itself stays.
void apply_configuration(mvcc::store& store, const entry& what);

/// The configuration as of the applied entries; without members if none was applied yet.
/// @param cluster whose store it is.
configuration stored_configuration(const mvcc::store& store, cluster_id cluster);

/// Notes the name and client URLs that a member publishes of itself; of a member that was removed,
/// nothing.
void apply_publication(mvcc::store& store, const record::PublishMember& published);

} // namespace troupe::apply
