#pragma once

#include "actors/node/data_directory.hpp"
#include "actors/node/node_config.hpp"
#include "messages/raft.hpp"
#include "storage/file_system.hpp"
#include "storage/mvcc/store.hpp"
#include "storage/raft_log.hpp"
#include "storage/rocksdb_engine.hpp"

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
  std::unique_ptr<storage::rocksdb_engine> engine;
  std::unique_ptr<mvcc::store> store;
};

/// Opens the data directory of `config`; founds a cluster of this one member in a directory that
/// holds none: the log then begins with a configuration entry that every founding member would
/// write alike.
/// @throws storage_error, also `data_damaged` if the state is ahead of the log: then the log is not
/// the one the state came from.
/// @param on_store_failure called at most a few times, on any thread: the state machine's store
/// cannot write any more.
opened_data open_data(const node_config& config, storage::file_system& files,
                      std::function<void(const std::string&)> on_store_failure);

} // namespace troupe
