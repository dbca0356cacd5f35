#include "actors/gateway/routes.hpp"

#include <algorithm>
#include <array>

namespace troupe::gateway {

namespace {

constexpr std::array<std::string_view, 3> prefixes{"/v3/", "/v3beta/", "/v3alpha/"};

constexpr auto table = std::to_array<route>({
  {"kv/range", rpc_method::kv_range},
  {"kv/put", rpc_method::kv_put},
  {"kv/deleterange", rpc_method::kv_delete_range},
  {"kv/txn", rpc_method::kv_txn},
  {"kv/compaction", rpc_method::kv_compact},
  {"watch", rpc_method::watch_watch},
  {"lease/grant", rpc_method::lease_grant},
  {"lease/revoke", rpc_method::lease_revoke},
  {"kv/lease/revoke", rpc_method::lease_revoke},
  {"lease/keepalive", rpc_method::lease_keep_alive},
  {"lease/timetolive", rpc_method::lease_time_to_live},
  {"kv/lease/timetolive", rpc_method::lease_time_to_live},
  {"lease/leases", rpc_method::lease_leases},
  {"kv/lease/leases", rpc_method::lease_leases},
  {"cluster/member/add", rpc_method::cluster_member_add},
  {"cluster/member/remove", rpc_method::cluster_member_remove},
  {"cluster/member/update", rpc_method::cluster_member_update},
  {"cluster/member/list", rpc_method::cluster_member_list},
  {"cluster/member/promote", rpc_method::cluster_member_promote},
  {"maintenance/alarm", rpc_method::maintenance_alarm},
  {"maintenance/status", rpc_method::maintenance_status},
  {"maintenance/defragment", rpc_method::maintenance_defragment},
  {"maintenance/hash", rpc_method::maintenance_hash},
  {"maintenance/hashkv", rpc_method::maintenance_hash_kv},
  {"maintenance/snapshot", rpc_method::maintenance_snapshot},
  {"maintenance/transfer-leadership", rpc_method::maintenance_move_leader},
  {"maintenance/downgrade", rpc_method::maintenance_downgrade},
  {"auth/enable", rpc_method::auth_auth_enable},
  {"auth/disable", rpc_method::auth_auth_disable},
  {"auth/status", rpc_method::auth_auth_status},
  {"auth/authenticate", rpc_method::auth_authenticate},
  {"auth/user/add", rpc_method::auth_user_add},
  {"auth/user/get", rpc_method::auth_user_get},
  {"auth/user/list", rpc_method::auth_user_list},
  {"auth/user/delete", rpc_method::auth_user_delete},
  {"auth/user/changepw", rpc_method::auth_user_change_password},
  {"auth/user/grant", rpc_method::auth_user_grant_role},
  {"auth/user/revoke", rpc_method::auth_user_revoke_role},
  {"auth/role/add", rpc_method::auth_role_add},
  {"auth/role/get", rpc_method::auth_role_get},
  {"auth/role/list", rpc_method::auth_role_list},
  {"auth/role/delete", rpc_method::auth_role_delete},
  {"auth/role/grant", rpc_method::auth_role_grant_permission},
  {"auth/role/revoke", rpc_method::auth_role_revoke_permission},
  {"lock/lock", rpc_method::lock_lock},
  {"lock/unlock", rpc_method::lock_unlock},
  {"election/campaign", rpc_method::election_campaign},
  {"election/proclaim", rpc_method::election_proclaim},
  {"election/leader", rpc_method::election_leader},
  {"election/observe", rpc_method::election_observe},
  {"election/resign", rpc_method::election_resign},
});

} // namespace

std::span<const route> routes() {
  return table;
}

std::span<const std::string_view> path_prefixes() {
  return prefixes;
}

std::optional<rpc_method> find_route(std::string_view path) {
  for (auto prefix : prefixes) {
    if (!path.starts_with(prefix))
      continue;
    auto found = std::ranges::find(table, path.substr(prefix.size()), &route::path);
    if (found != table.end())
      return found->method;
  }
  return std::nullopt;
}

std::vector<std::string> streamed_paths() {
  std::vector<std::string> result;
  for (const auto& [path, method] : table)
    if (shape_of(method).client_stream)
      for (auto prefix : prefixes)
        result.push_back(std::string{prefix} + std::string{path});
  return result;
}

} // namespace troupe::gateway
