#pragma once

#include "messages/errc.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/store.hpp"

#include <string>

namespace troupe::apply {

/// A downgrade is asked for, shown by Status and cancelled, as in etcd. Nothing follows from it:
/// the version of the cluster and the form of the data stay, so no member ever says that an older
/// release may be started.

/// ENABLE or CANCEL, in the open batch of the store. @pre check(request) passed, no VALIDATE.
/// @returns downgrade_in_progress, no_downgrade_in_progress.
errc apply(mvcc::store& store, const etcdserverpb::DowngradeRequest& request,
           etcdserverpb::DowngradeResponse& response);

/// VALIDATE: whether an ENABLE would do now. @returns downgrade_in_progress.
errc validate_downgrade(const storage::read_view& view, etcdserverpb::DowngradeResponse& response);

/// The version of the downgrade that is under way; empty: there is none.
std::string downgrade_target(const storage::read_view& view);

} // namespace troupe::apply
