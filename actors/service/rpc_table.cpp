#include "actors/service/rpc_table.hpp"

#include <array>

namespace troupe::service {

namespace {

// method, path, guard, leader matters, quota, rate class
// clang-format off
constexpr auto rules = std::to_array<rpc_rule>({
  {rpc_method::kv_range, rpc_path::read, rpc_guard::key_permission, true, false, rpc_rate_class::read},
  {rpc_method::kv_range_stream, rpc_path::read, rpc_guard::key_permission, true, false, rpc_rate_class::read},
  {rpc_method::kv_put, rpc_path::proposal, rpc_guard::key_permission, true, true, rpc_rate_class::write},
  {rpc_method::kv_delete_range, rpc_path::proposal, rpc_guard::key_permission, true, false, rpc_rate_class::control},
  {rpc_method::kv_txn, rpc_path::either, rpc_guard::key_permission, true, true, rpc_rate_class::write},
  {rpc_method::kv_compact, rpc_path::proposal, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::watch_watch, rpc_path::watch, rpc_guard::key_permission, true, false, rpc_rate_class::read},
  {rpc_method::lease_grant, rpc_path::proposal, rpc_guard::valid_user, true, true, rpc_rate_class::write},
  {rpc_method::lease_revoke, rpc_path::proposal, rpc_guard::key_permission, true, false, rpc_rate_class::control},
  {rpc_method::lease_keep_alive, rpc_path::lease, rpc_guard::key_permission, true, false, rpc_rate_class::control},
  {rpc_method::lease_time_to_live, rpc_path::lease, rpc_guard::key_permission, true, false, rpc_rate_class::control},
  {rpc_method::lease_leases, rpc_path::lease, rpc_guard::key_permission, true, false, rpc_rate_class::control},
  {rpc_method::cluster_member_add, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::cluster_member_remove, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::cluster_member_update, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::cluster_member_list, rpc_path::read, rpc_guard::valid_user, true, false, rpc_rate_class::control},
  {rpc_method::cluster_member_promote, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::maintenance_alarm, rpc_path::either, rpc_guard::valid_user, true, false, rpc_rate_class::control},
  {rpc_method::maintenance_status, rpc_path::local_read, rpc_guard::valid_user, false, false, rpc_rate_class::control},
  {rpc_method::maintenance_defragment, rpc_path::defragment, rpc_guard::root, false, false, rpc_rate_class::control},
  {rpc_method::maintenance_hash, rpc_path::read, rpc_guard::root, false, false, rpc_rate_class::control},
  {rpc_method::maintenance_hash_kv, rpc_path::read, rpc_guard::root, false, false, rpc_rate_class::control},
  {rpc_method::maintenance_snapshot, rpc_path::read, rpc_guard::root, false, false, rpc_rate_class::read},
  {rpc_method::maintenance_move_leader, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::maintenance_downgrade, rpc_path::either, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_auth_enable, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_auth_disable, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_auth_status, rpc_path::unimplemented, rpc_guard::nothing, true, false, rpc_rate_class::control},
  {rpc_method::auth_authenticate, rpc_path::unimplemented, rpc_guard::nothing, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_add, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_get, rpc_path::unimplemented, rpc_guard::valid_user, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_list, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_delete, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_change_password, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_grant_role, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_user_revoke_role, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_role_add, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_role_get, rpc_path::unimplemented, rpc_guard::valid_user, true, false, rpc_rate_class::control},
  {rpc_method::auth_role_list, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_role_delete, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_role_grant_permission, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::auth_role_revoke_permission, rpc_path::unimplemented, rpc_guard::root, true, false, rpc_rate_class::control},
  {rpc_method::lock_lock, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::lock_unlock, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::election_campaign, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::election_proclaim, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::election_leader, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::election_observe, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::election_resign, rpc_path::recipe, rpc_guard::key_permission, true, false, rpc_rate_class::write},
  {rpc_method::health_check, rpc_path::edge, rpc_guard::nothing, false, false, rpc_rate_class::control},
  {rpc_method::health_watch, rpc_path::edge, rpc_guard::nothing, false, false, rpc_rate_class::control},
});
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (rules[i].method != static_cast<rpc_method>(i))
      return false;
  return true;
}

static_assert(in_order());

} // namespace

std::span<const rpc_rule> rpc_table() {
  return rules;
}

} // namespace troupe::service
