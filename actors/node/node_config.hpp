#pragma once

#include "messages/clock.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

namespace storage {

class file_system;

} // namespace storage

/// Where a listener binds.
struct listen_address {
  /// An IP literal without brackets; empty means every interface.
  std::string host;
  /// 0 lets the system choose.
  std::uint16_t port = 0;

  friend bool operator==(const listen_address&, const listen_address&) = default;
};

/// HTTP/2 PING rules of the client port.
struct keepalive_config {
  /// A client that pings more often gets GOAWAY.
  std::chrono::nanoseconds min_client_interval = std::chrono::seconds{5};
  /// How often we ping a quiet client; zero: never.
  std::chrono::nanoseconds interval = std::chrono::hours{2};
  /// How long a ping of ours may stay without answer before the connection closes.
  std::chrono::nanoseconds timeout = std::chrono::seconds{20};
};

/// Compaction that nobody has to ask for. At most one of the two is positive; both zero: off.
struct auto_compaction_config {
  /// Keep the history of this span.
  std::chrono::nanoseconds period{0};
  /// Keep this many revisions.
  std::int64_t revisions = 0;
};

/// One of the members that found a cluster together.
struct founding_member {
  std::string name;
  /// At least one; sorted. Its id is derived from them.
  std::vector<std::string> peer_urls;

  friend bool operator==(const founding_member&, const founding_member&) = default;
};

/// Who gets a thread of its own. A simulation sets none: a detached actor has a thread even under
/// the test scheduler.
struct thread_config {
  bool detach_storage = true;
  bool detach_applier = true;
  bool detach_member = false;
  bool detach_roles = false;
  bool detach_history = true;
  /// Large answers take long to write as JSON.
  bool detach_gateway = true;
  /// Threads for reads of single keys; 0 answers them on the scheduler.
  unsigned point_readers = 1;
  /// Threads for lists, which may take long; 0 answers them on the scheduler.
  unsigned list_readers = 1;
  /// Workers of the core system's scheduler.
  unsigned scheduler_workers = 2;
  /// Actor systems on the client port, each with one multiplexer thread; at least 1.
  unsigned edge_systems = 1;
};

/// All that a node is told at launch. The daemon fills it from flags; a test or a program of its
/// own fills it directly. Every default is the daemon's.
struct node_config {
  /// Shown in the member list; not an identity.
  std::string name = "default";

  /// Holds everything this member must not lose; created with mode 0700, locked while the node
  /// runs.
  std::filesystem::path data_dir = "default.troupe";

  /// gRPC and HTTP/1.1 on the same port. At least one.
  std::vector<listen_address> listen_client = {{"127.0.0.1", 2379}};
  /// Not opened while a cluster has one member.
  std::vector<listen_address> listen_peer = {{"127.0.0.1", 2380}};
  /// Where programs watch as remote actors (actors/watch/remote_subscription.hpp): loopback
  /// addresses. None: not at all.
  std::vector<listen_address> listen_subscription = {};

  /// What MemberList shows; sorted. The peer URLs and the token also make up the ids of member and
  /// cluster, once, when the data directory is created.
  std::vector<std::string> advertise_client_urls = {"http://localhost:2379"};
  std::vector<std::string> advertise_peer_urls = {"http://localhost:2380"};
  std::string cluster_token = "etcd-cluster";
  /// Who founds the cluster when the data directory is created, the same on each of them; this
  /// member is the one with `advertise_peer_urls`. Empty: it alone.
  std::vector<founding_member> initial_cluster;

  /// A leader's heartbeat, and how long a follower waits for one before it campaigns (up to twice
  /// that, by chance). 5 * heartbeat_interval_ms <= election_timeout_ms <= 50000.
  std::uint32_t heartbeat_interval_ms = 100;
  std::uint32_t election_timeout_ms = 1000;

  /// Size of the state at which the member raises NOSPACE; negative: no limit.
  std::int64_t quota_bytes = std::int64_t{2} << 30;

  /// Operations in one level of a transaction.
  std::uint32_t max_txn_ops = 128;

  /// Largest encoded proposal. A message of the client port may be 512 KiB larger.
  std::uint32_t max_request_bytes = 1'572'864;

  /// HTTP/2 streams that one connection may have open.
  std::uint32_t max_concurrent_streams = 4'294'967'295U;

  keepalive_config keepalive;
  auto_compaction_config auto_compaction;

  /// The JSON gateway is served (/v3/...).
  bool json_gateway = true;

  /// Origins whose pages may read what the client port answers over HTTP/1.1, as browsers send them
  /// ("http://host:port"); "*" or none: every one.
  std::vector<std::string> cors = {"*"};

  /// Names under which HTTP/1.1 requests may address this member, without port; a request for
  /// another is refused, so that no page can reach it by a name of its own. "*" or none: every one.
  std::vector<std::string> host_whitelist = {"*"};

  /// How often a quiet watch that asks for it is told that it has missed nothing; at least 100 ms.
  std::chrono::nanoseconds watch_progress_notify_interval = std::chrono::minutes{10};

  /// Metrics tell how long calls take, per method.
  bool extensive_metrics = false;

  /// Files of the Raft log (storage/raft_log.hpp), and how far one is filled ahead; whole blocks.
  std::uint64_t log_segment_bytes = std::uint64_t{64} << 20;
  std::uint64_t log_fill_bytes = std::uint64_t{1} << 20;

  /// The caches and write buffers of the store are shares of this.
  std::uint64_t memory_budget_bytes = std::uint64_t{512} << 20;

  thread_config threads;

  /// Chance of this node (election timeouts); 0 draws a seed from the system.
  std::uint64_t random_seed = 0;

  /// Null: CLOCK_MONOTONIC.
  std::shared_ptr<clock> time;

  /// Null: the disk.
  std::shared_ptr<storage::file_system> files;

  /// Called at most once, on any thread, when a broken invariant or a failed sync has ended the
  /// node: it answers nothing any more. Must not wait for the node.
  std::function<void(const std::string& reason)> on_fatal;
};

} // namespace troupe
