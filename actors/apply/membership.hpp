#pragma once

#include "messages/proto/record.pb.h"
#include "messages/raft.hpp"
#include "storage/mvcc/store.hpp"

namespace troupe::apply {

/// Makes the members of a configuration entry (InitialMembership) the members of the cluster, in
/// the open batch of the store. What a member published of itself stays.
void apply_configuration(mvcc::store& store, const entry& what);

/// Notes the name and client URLs that a member publishes of itself; of a member that was removed,
/// nothing.
void apply_publication(mvcc::store& store, const record::PublishMember& published);

} // namespace troupe::apply
