#pragma once

#include "messages/proto/rpc.pb.h"

#include <cstdint>
#include <string>

/// The requests that locks and elections are made of. Their keys are those of etcd's own recipes,
/// in its server and in its clients, so that all of them queue up with each other.
namespace troupe::recipe {

/// Lifetime of a lease for a caller that brings none.
inline constexpr std::int64_t own_lease_seconds = 60;

/// What all keys of a lock or an election begin with.
std::string prefix_of(const std::string& name);

/// The key of one who waits for a lock, or stands for election: `<name>/<lease in hex>`; a negative
/// lease has a minus sign.
std::string key_of(const std::string& name, std::int64_t lease);

/// Adds: the key was created at that revision; 0: it does not exist.
void require_created(etcdserverpb::TxnRequest& txn, const std::string& key, std::int64_t revision);

/// The key under `prefix` that was created first: the owner's, or the leader's.
etcdserverpb::RangeRequest oldest_under(const std::string& prefix);

/// The key under `prefix` that was created last of those up to `revision`, without its value.
etcdserverpb::RangeRequest youngest_under(const std::string& prefix, std::int64_t revision);

/// Stands in line: creates the key unless it is there. The first response is that of the put or the
/// key as it is, the second one the oldest key under the prefix.
etcdserverpb::TxnRequest enter_line(const std::string& prefix, const std::string& key,
                                    const std::string& value, std::int64_t lease);

/// Deletes the key if it was created at that revision.
etcdserverpb::TxnRequest leave_line(const std::string& key, std::int64_t created);

/// Looks who stands before a key that was created at that revision; succeeds if this still exists.
/// The response is that of `youngest_under` whether it succeeds or not.
etcdserverpb::TxnRequest look_ahead(const std::string& prefix, const std::string& key,
                                    std::int64_t created);

/// Overwrites the key if it was created at that revision.
etcdserverpb::TxnRequest overwrite(const std::string& key, std::int64_t created,
                                   const std::string& value, std::int64_t lease);

/// A grant for a caller that brings no lease.
etcdserverpb::LeaseGrantRequest own_lease();

} // namespace troupe::recipe
