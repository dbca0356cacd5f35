#include "messages/rpc_method.hpp"

#include <array>
#include <string>
#include <unordered_map>

namespace troupe {

namespace {

constexpr auto shapes = std::to_array<rpc_shape>({
  {rpc_method::kv_range, "etcdserverpb.KV", "Range", false, false},
  {rpc_method::kv_range_stream, "etcdserverpb.KV", "RangeStream", false, true},
  {rpc_method::kv_put, "etcdserverpb.KV", "Put", false, false},
  {rpc_method::kv_delete_range, "etcdserverpb.KV", "DeleteRange", false, false},
  {rpc_method::kv_txn, "etcdserverpb.KV", "Txn", false, false},
  {rpc_method::kv_compact, "etcdserverpb.KV", "Compact", false, false},
  {rpc_method::watch_watch, "etcdserverpb.Watch", "Watch", true, true},
  {rpc_method::lease_grant, "etcdserverpb.Lease", "LeaseGrant", false, false},
  {rpc_method::lease_revoke, "etcdserverpb.Lease", "LeaseRevoke", false, false},
  {rpc_method::lease_keep_alive, "etcdserverpb.Lease", "LeaseKeepAlive", true, true},
  {rpc_method::lease_time_to_live, "etcdserverpb.Lease", "LeaseTimeToLive", false, false},
  {rpc_method::lease_leases, "etcdserverpb.Lease", "LeaseLeases", false, false},
  {rpc_method::cluster_member_add, "etcdserverpb.Cluster", "MemberAdd", false, false},
  {rpc_method::cluster_member_remove, "etcdserverpb.Cluster", "MemberRemove", false, false},
  {rpc_method::cluster_member_update, "etcdserverpb.Cluster", "MemberUpdate", false, false},
  {rpc_method::cluster_member_list, "etcdserverpb.Cluster", "MemberList", false, false},
  {rpc_method::cluster_member_promote, "etcdserverpb.Cluster", "MemberPromote", false, false},
  {rpc_method::maintenance_alarm, "etcdserverpb.Maintenance", "Alarm", false, false},
  {rpc_method::maintenance_status, "etcdserverpb.Maintenance", "Status", false, false},
  {rpc_method::maintenance_defragment, "etcdserverpb.Maintenance", "Defragment", false, false},
  {rpc_method::maintenance_hash, "etcdserverpb.Maintenance", "Hash", false, false},
  {rpc_method::maintenance_hash_kv, "etcdserverpb.Maintenance", "HashKV", false, false},
  {rpc_method::maintenance_snapshot, "etcdserverpb.Maintenance", "Snapshot", false, true},
  {rpc_method::maintenance_move_leader, "etcdserverpb.Maintenance", "MoveLeader", false, false},
  {rpc_method::maintenance_downgrade, "etcdserverpb.Maintenance", "Downgrade", false, false},
  {rpc_method::auth_auth_enable, "etcdserverpb.Auth", "AuthEnable", false, false},
  {rpc_method::auth_auth_disable, "etcdserverpb.Auth", "AuthDisable", false, false},
  {rpc_method::auth_auth_status, "etcdserverpb.Auth", "AuthStatus", false, false},
  {rpc_method::auth_authenticate, "etcdserverpb.Auth", "Authenticate", false, false},
  {rpc_method::auth_user_add, "etcdserverpb.Auth", "UserAdd", false, false},
  {rpc_method::auth_user_get, "etcdserverpb.Auth", "UserGet", false, false},
  {rpc_method::auth_user_list, "etcdserverpb.Auth", "UserList", false, false},
  {rpc_method::auth_user_delete, "etcdserverpb.Auth", "UserDelete", false, false},
  {rpc_method::auth_user_change_password, "etcdserverpb.Auth", "UserChangePassword", false, false},
  {rpc_method::auth_user_grant_role, "etcdserverpb.Auth", "UserGrantRole", false, false},
  {rpc_method::auth_user_revoke_role, "etcdserverpb.Auth", "UserRevokeRole", false, false},
  {rpc_method::auth_role_add, "etcdserverpb.Auth", "RoleAdd", false, false},
  {rpc_method::auth_role_get, "etcdserverpb.Auth", "RoleGet", false, false},
  {rpc_method::auth_role_list, "etcdserverpb.Auth", "RoleList", false, false},
  {rpc_method::auth_role_delete, "etcdserverpb.Auth", "RoleDelete", false, false},
  {rpc_method::auth_role_grant_permission, "etcdserverpb.Auth", "RoleGrantPermission", false,
   false},
  {rpc_method::auth_role_revoke_permission, "etcdserverpb.Auth", "RoleRevokePermission", false,
   false},
  {rpc_method::lock_lock, "v3lockpb.Lock", "Lock", false, false},
  {rpc_method::lock_unlock, "v3lockpb.Lock", "Unlock", false, false},
  {rpc_method::election_campaign, "v3electionpb.Election", "Campaign", false, false},
  {rpc_method::election_proclaim, "v3electionpb.Election", "Proclaim", false, false},
  {rpc_method::election_leader, "v3electionpb.Election", "Leader", false, false},
  {rpc_method::election_observe, "v3electionpb.Election", "Observe", false, true},
  {rpc_method::election_resign, "v3electionpb.Election", "Resign", false, false},
  {rpc_method::health_check, "grpc.health.v1.Health", "Check", false, false},
  {rpc_method::health_watch, "grpc.health.v1.Health", "Watch", false, true},
});

constexpr bool in_order() {
  for (std::size_t i = 0; i < shapes.size(); ++i)
    if (shapes[i].method != static_cast<rpc_method>(i))
      return false;
  return true;
}

static_assert(in_order());

std::unordered_map<std::string, const rpc_shape*> by_path() {
  std::unordered_map<std::string, const rpc_shape*> result;
  for (const auto& shape : shapes)
    result.emplace("/" + std::string{shape.service} + "/" + std::string{shape.name}, &shape);
  return result;
}

} // namespace

std::span<const rpc_shape> rpc_shapes() {
  return shapes;
}

const rpc_shape* find_method(std::string_view path) {
  static const auto paths = by_path();
  auto found = paths.find(std::string{path});
  return found == paths.end() ? nullptr : found->second;
}

} // namespace troupe
