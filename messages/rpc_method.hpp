#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace troupe {

/// Every method of the client API. The order is that of the table in rpc_method.cpp.
enum class rpc_method : std::uint8_t {
  kv_range,
  kv_range_stream,
  kv_put,
  kv_delete_range,
  kv_txn,
  kv_compact,
  watch_watch,
  lease_grant,
  lease_revoke,
  lease_keep_alive,
  lease_time_to_live,
  lease_leases,
  cluster_member_add,
  cluster_member_remove,
  cluster_member_update,
  cluster_member_list,
  cluster_member_promote,
  maintenance_alarm,
  maintenance_status,
  maintenance_defragment,
  maintenance_hash,
  maintenance_hash_kv,
  maintenance_snapshot,
  maintenance_move_leader,
  maintenance_downgrade,
  auth_auth_enable,
  auth_auth_disable,
  auth_auth_status,
  auth_authenticate,
  auth_user_add,
  auth_user_get,
  auth_user_list,
  auth_user_delete,
  auth_user_change_password,
  auth_user_grant_role,
  auth_user_revoke_role,
  auth_role_add,
  auth_role_get,
  auth_role_list,
  auth_role_delete,
  auth_role_grant_permission,
  auth_role_revoke_permission,
  lock_lock,
  lock_unlock,
  election_campaign,
  election_proclaim,
  election_leader,
  election_observe,
  election_resign,
  health_check,
  health_watch,
};

/// How a method looks on the wire.
struct rpc_shape {
  rpc_method method;
  /// For example "etcdserverpb.KV"; the path of a call is "/" service "/" name.
  std::string_view service;
  std::string_view name;
  bool client_stream = false;
  bool server_stream = false;
};

/// One row per method, in the order of the enumeration.
std::span<const rpc_shape> rpc_shapes();

inline const rpc_shape& shape_of(rpc_method method) {
  return rpc_shapes()[static_cast<std::size_t>(method)];
}

/// Finds the method of a path such as "/etcdserverpb.KV/Put"; null if there is none. Exact and case
/// sensitive: a path that is not canonical names nothing (checklist 104).
const rpc_shape* find_method(std::string_view path);

} // namespace troupe
