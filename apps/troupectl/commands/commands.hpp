#pragma once

#include "apps/troupectl/command.hpp"

/// The functions and flags behind command_table.cpp, by file.
namespace troupe::ctl {

// kv.cpp; the flags of put, get and del are in kv_requests.hpp
int put(context&);
int get(context&);
int del(context&);
int compaction(context&);
extern const std::vector<flag> compaction_flags;

// txn.cpp
int txn(context&);
extern const std::vector<flag> txn_flags;

// watch.cpp; its flags are in watch_arguments.hpp
int watch(context&);

// lease.cpp
int lease_grant(context&);
int lease_revoke(context&);
int lease_time_to_live(context&);
int lease_list(context&);
int lease_keep_alive(context&);
extern const std::vector<flag> lease_time_to_live_flags;
extern const std::vector<flag> lease_keep_alive_flags;

// lock.cpp, elect.cpp
int lock(context&);
int elect(context&);
extern const std::vector<flag> lock_flags;
extern const std::vector<flag> elect_flags;

// member.cpp
int member_add(context&);
int member_remove(context&);
int member_update(context&);
int member_list(context&);
int member_promote(context&);
extern const std::vector<flag> member_add_flags;
extern const std::vector<flag> member_update_flags;
extern const std::vector<flag> member_list_flags;

// endpoint.cpp
int endpoint_health_command(context&);
int endpoint_status_command(context&);
int endpoint_hashkv(context&);
extern const std::vector<flag> cluster_flags; // of the group, and of defrag
extern const std::vector<flag> endpoint_hashkv_flags;

// maintenance.cpp
int alarm_list(context&);
int alarm_disarm(context&);
int defrag(context&);
int move_leader(context&);

// snapshot.cpp
int snapshot_save(context&);
int snapshot_status_command(context&);
int snapshot_restore(context&);
extern const std::vector<flag> snapshot_restore_flags;

// mirror.cpp
int make_mirror(context&);
extern const std::vector<flag> make_mirror_flags;

// check.cpp
int check_perf(context&);
int check_datascale(context&);
extern const std::vector<flag> check_perf_flags;
extern const std::vector<flag> check_datascale_flags;

// info.cpp
int version(context&);
int completion(context&);

} // namespace troupe::ctl
