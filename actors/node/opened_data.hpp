#pragma once

#include "actors/node/data_directory.hpp"
#include "actors/node/node_config.hpp"
#include "messages/raft.hpp"
#include "storage/engine.hpp"
#include "storage/file_system.hpp"
#include "storage/mvcc/store.hpp"
#include "storage/raft_log.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What a node finds, or founds, on its disk before its actors start.
struct opened_data {
  data_identity identity;
  std::shared_ptr<storage::raft_log> log;
  /// The boot count is raised and synced.
  hard_state hard;
  entry_id before_first;
  std::vector<entry> entries;
  std::unique_ptr<storage::engine> engine;
  std::unique_ptr<mvcc::store> store;
};

/// Opens the store of the state machine in a directory, or makes it. @throws storage_error.
using engine_opener = std::function<std::unique_ptr<storage::engine>(
  const std::string& directory, storage::engine_listener listener)>;

/// Of this member's Raft log.
storage::raft_log_options log_options(const node_config& config, const data_identity& identity);

/// RocksDB, within the share of the memory budget that is the store's.
engine_opener rocksdb_opener(const node_config& config);

/// Opens the data directory of `config`, whose parent exists; founds a cluster in a directory that
/// holds none, of the members of `config.initial_cluster` or of this one: the log then begins with
/// a configuration entry that every founding member writes alike.
/// @throws storage_error, also `data_damaged` if the state is ahead of the log: then the log is not
/// the one the state came from; `data_foreign` if this member is not among those that found the
/// cluster.
/// @param on_store_failure called at most a few times, on any thread: the state machine's store
/// cannot write any more.
opened_data open_data(const node_config& config, storage::file_system& files,
                      const engine_opener& open_engine,
                      std::function<void(const std::string&)> on_store_failure);

} // namespace troupe
