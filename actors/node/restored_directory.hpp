#pragma once

#include "actors/node/data_directory.hpp"
#include "actors/node/node_config.hpp"
#include "storage/backup/restore_state.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// What a backup is restored to: one member of a new cluster.
struct restore_order {
  /// The file.
  std::string backup;
  /// Must not exist, be empty, or hold a restore that was not finished.
  std::string data_dir;
  /// Of this member; one of `initial_cluster`.
  std::string name;
  /// The new cluster. Each of its members restores the same file with the same order, but for its
  /// own name and directory.
  std::vector<founding_member> initial_cluster;
  std::string cluster_token = "etcd-cluster";
  /// The SHA-256 at the file's end may be wrong or missing; all other checksums still count.
  bool skip_digest = false;
  backup::restore_rules rules;
  /// Bytes of the file that were read, and all.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

struct restored_directory {
  data_identity identity;
  /// Of the backup.
  backup::description from;
  backup::restored_state state;
};

/// Makes a data directory on which a node starts as a member of a new cluster, with the state of a
/// backup and the configuration of `initial_cluster` as the first entry of its log. The ids of
/// cluster and members come of peer URLs and token, and of the backup and the rules: who knew the
/// old cluster, or restored another file, is not taken for one of this.
///
/// All or nothing: a node does not start on what a crash leaves, and a new attempt replaces it.
/// After an exception nothing of it is left.
/// @throws storage_error of backup::backup_reader, or a failure of the disk; `data_foreign` if
/// `data_dir` is in use or `name` is nobody's; `data_locked` if another restore into it runs.
restored_directory restore_backup(const restore_order& order, storage::file_system& files);

} // namespace troupe
