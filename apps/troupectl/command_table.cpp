#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/commands/watch_arguments.hpp"

namespace troupe::ctl {

// Those of etcdctl; what we have beyond it is in added_commands.cpp.
//
// To add a command: write `int name(context&)` and, if it has any, its `name_flags` in a file under
// commands/; declare both in commands/commands.hpp; add the file to CMakeLists.txt and a line here.
// Parsing, help, completion and exit codes come from the line. A subcommand stands below its group,
// whose path is the first word and which has no function; a group's flags are its commands' too.
std::span<const command> commands() {
  static const std::vector<command> table{
    {"put", "[options] <key> <value> (<value> can also be given from stdin)",
     "Puts the given key into the store", put, put_flags,
     "put greeting hello\n"
     "put greeting --prev-kv 'good day'\n"
     "put session value --lease=1234abcd\n"
     "put config < config.yaml",
     "When <value> begins with '-', it is read as a flag; put '--' before it:\n"
     "put <key> -- <value>\n"
     "Without <value> and without --ignore-value it is read from standard input."},
    {"get", "[options] <key> [range_end]", "Gets the key or a range of keys", get, get_flags,
     "get greeting\n"
     "get --prefix /services/ --keys-only\n"
     "get a c\n"
     "get greeting --rev=2 -w json\n"
     "get '' --prefix --count-only -w fields"},
    {"del", "[options] <key> [range_end]",
     "Removes the specified key or range of keys [key, range_end)", del, del_command_flags,
     "del greeting\n"
     "del --prefix /services/old/ --prev-kv\n"
     "del --range a c"},
    {"compaction", "[options] <revision>", "Compacts the event history in etcd", compaction,
     compaction_flags,
     "compaction 1000\n"
     "compaction 1000 --physical",
     "", "compact"},
    {"txn", "[options]", "Txn processes all the requests in one transaction", txn, txn_flags,
     "txn -i\n"
     "txn < transaction.txt",
     "Reads from standard input, each part ended by an empty line: conditions, requests for when\n"
     "all of them hold, requests for when one does not. For example:\n"
     "\n"
     "value(\"greeting\") = \"hello\"\n"
     "mod(\"greeting\") > \"0\"\n"
     "\n"
     "put greeting \"good day\"\n"
     "get greeting\n"
     "\n"
     "del --prefix /greetings/\n"
     "\n"
     "Conditions: ver(sion), c(reate), m(od), val(ue) or lease of a key, and one of = != < >."},
    {"watch", "[options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
     "Watches events stream on keys or prefixes", watch, watch_flags,
     "watch greeting\n"
     "watch --prefix /services/ --rev=1000 --prev-kv\n"
     "watch greeting -- sh -c 'echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY'\n"
     "watch -i",
     "The key and the end of its range may also come from ETCDCTL_WATCH_KEY and\n"
     "ETCDCTL_WATCH_RANGE_END. The program behind '--' runs for each event and finds it in\n"
     "ETCD_WATCH_REVISION, ETCD_WATCH_EVENT_TYPE, ETCD_WATCH_KEY and ETCD_WATCH_VALUE.\n"
     "With -i, lines of standard input are 'watch' with its flags and arguments, or 'progress'."},
    {"lease", "<subcommand>", "Lease related commands"},
    {"lease grant", "<ttl>", "Creates leases", lease_grant, {}, "lease grant 60"},
    {"lease revoke", "<leaseID>", "Revokes leases", lease_revoke, {}, "lease revoke 1234abcd"},
    {"lease timetolive", "<leaseID> [options]", "Get lease information", lease_time_to_live,
     lease_time_to_live_flags, "lease timetolive 1234abcd --keys"},
    {"lease list", "", "List all active leases", lease_list, {}, "lease list"},
    {"lease keep-alive", "[options] <leaseID>", "Keeps leases alive (renew)", lease_keep_alive,
     lease_keep_alive_flags, "lease keep-alive 1234abcd\nlease keep-alive 1234abcd --once"},
    {"lock", "<lockname> [exec-command arg1 arg2 ...]", "Acquires a named lock", lock, lock_flags,
     "lock backup\n"
     "lock backup --ttl=30 -- tar czf backup.tgz data",
     "Without a program the lock is held until SIGINT or SIGTERM. The program finds its lock in\n"
     "ETCD_LOCK_KEY and ETCD_LOCK_REV; its exit code is that of this command."},
    {"elect", "<election-name> [proposal]", "Observes and participates in leader election", elect,
     elect_flags, "elect primary $(hostname)\nelect primary --listen"},
    {"member", "<subcommand>", "Membership related commands"},
    {"member add", "<memberName> [options]", "Adds a member into the cluster", member_add,
     member_add_flags,
     "member add m2 --peer-urls=http://10.0.0.2:2380\n"
     "member add m2 --peer-urls=http://10.0.0.2:2380 --learner"},
    {"member remove",
     "<memberID>",
     "Removes a member from the cluster",
     member_remove,
     {},
     "member remove 5c76a90ae78bcee7"},
    {"member update", "<memberID> [options]", "Updates a member in the cluster", member_update,
     member_update_flags, "member update 5c76a90ae78bcee7 --peer-urls=http://10.0.0.2:2380"},
    {"member list", "", "Lists all members in the cluster", member_list, member_list_flags,
     "member list -w table",
     "In the simple format: ID, status, name, peer URLs, client URLs, whether it is a learner."},
    {"member promote",
     "<memberID>",
     "Promotes a non-voting member in the cluster",
     member_promote,
     {},
     "member promote 5c76a90ae78bcee7"},
    {"endpoint", "<subcommand>", "Endpoint related commands", nullptr, cluster_flags},
    {"endpoint health",
     "",
     "Checks the healthiness of endpoints specified in `--endpoints` flag",
     endpoint_health_command,
     {},
     "endpoint health --cluster"},
    {"endpoint status",
     "",
     "Prints out the status of endpoints specified in `--endpoints` flag",
     endpoint_status_command,
     {},
     "endpoint status -w table",
     "In the simple format: endpoint, ID, version, storage version, db size, in use, percentage\n"
     "not in use, quota, is leader, is learner, raft term, raft index, raft applied index, "
     "errors,\n"
     "downgrade target version, downgrade enabled."},
    {"endpoint hashkv", "", "Prints the KV history hash for each endpoint in --endpoints",
     endpoint_hashkv, endpoint_hashkv_flags, "endpoint hashkv --rev=1000"},
    {"alarm", "<subcommand>", "Alarm related commands"},
    {"alarm disarm", "", "Disarms all alarms", alarm_disarm, {}, "alarm disarm"},
    {"alarm list", "", "Lists all alarms", alarm_list, {}, "alarm list"},
    {"defrag", "", "Defragments the storage of the etcd members with given endpoints", defrag,
     cluster_flags, "defrag --cluster"},
    {"snapshot", "<subcommand>", "Manages etcd node snapshots"},
    {"snapshot save",
     "<filename>",
     "Stores an etcd node backend snapshot to a given file",
     snapshot_save,
     {},
     "snapshot save backup.db --endpoints=10.0.0.1:2379",
     "From one endpoint. An older file of that name is replaced once the new one is complete and\n"
     "its checksum right. There is no timeout but an explicit --command-timeout."},
    {"snapshot status",
     "<filename>",
     "Gets backend snapshot status of a given file",
     snapshot_status_command,
     {},
     "snapshot status backup.db -w table",
     "Reads and checks all of it. In the simple format: hash, revision, total keys, total size,\n"
     "version. Equal states have equal hashes, whoever saved them and when."},
    {"snapshot restore", "<filename> [options]",
     "Restores an etcd member snapshot to an etcd directory", snapshot_restore,
     snapshot_restore_flags,
     "snapshot restore backup.db --data-dir=new\n"
     "snapshot restore backup.db --name=m1 --data-dir=new "
     "--initial-cluster=m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380 "
     "--initial-advertise-peer-urls=http://10.0.0.1:2380\n"
     "snapshot restore backup.db --data-dir=new --bump-revision=1000000000 --mark-compacted",
     "The directory must not exist or be empty; a server that starts on it is a member of a new\n"
     "cluster. Each member of that restores the same file with the same flags, but for its own.\n"
     "A restore that did not come to its end leaves nothing that starts; run it again.\n"
     "--bump-revision: more than the old cluster can have written since the snapshot; then no\n"
     "client meets a revision twice, and watches of the old cluster end as compacted."},
    {"move-leader",
     "<transferee-member-id>",
     "Transfers leadership to another etcd cluster member.",
     move_leader,
     {},
     "move-leader 5c76a90ae78bcee7"},
    {"make-mirror", "[options] <destination>", "Makes a mirror at the destination etcd cluster",
     make_mirror, make_mirror_flags,
     "make-mirror 10.0.0.9:2379 --prefix /services/\n"
     "make-mirror 10.0.0.9:2379 --prefix a/ --dest-prefix b/"},
    {"check", "<subcommand>", "commands for checking properties of the etcd cluster"},
    {"check perf", "[options]", "Check the performance of the etcd cluster", check_perf,
     check_perf_flags, "check perf --load=m --auto-compact"},
    {"check datascale", "[options]",
     "Check the memory usage of holding data for different workloads on a given server endpoint.",
     check_datascale, check_datascale_flags, "check datascale --load=s",
     "The memory is that of the first endpoint."},
    {"version", "", "Prints the version of etcdctl", version, {}, "version"},
    {"completion",
     "<bash|zsh|fish>",
     "Generate completion script",
     completion,
     {},
     "completion bash\ncompletion fish",
     "bash: source <(troupectl completion bash)\n"
     "zsh: source <(troupectl completion zsh)\n"
     "fish: troupectl completion fish | source"},
  };
  static const auto all = [] {
    auto both = table;
    for (auto one : added_commands()) {
      one.added = true;
      both.push_back(one);
    }
    return both;
  }();
  return all;
}

std::string_view name_of(const command& one) {
  return one.path.substr(one.path.rfind(' ') + 1);
}

std::vector<const command*> commands_below(std::string_view path, bool as_etcdctl) {
  std::vector<const command*> result;
  for (const auto& one : commands()) {
    auto blank = one.path.rfind(' ');
    bool hidden = one.added && as_etcdctl;
    if ((blank == one.path.npos ? std::string_view{} : one.path.substr(0, blank)) == path
        && !hidden)
      result.push_back(&one);
  }
  return result;
}

const command* find_command(std::string_view path) {
  for (const auto& one : commands())
    if (one.path == path)
      return &one;
  return nullptr;
}

} // namespace troupe::ctl
