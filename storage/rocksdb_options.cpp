#include "storage/rocksdb_options.hpp"

#include <algorithm>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>
#include <string>
#include <system_error>

namespace rocksdb {

// Exported by the library, declared in no public header of 7.8.
const Comparator* BytewiseComparatorWithU64Ts();

} // namespace rocksdb

namespace troupe::storage {

namespace {

/// Passes on what happens in the background. An error is final: without a log of its own the
/// database must not go on as if the lost flush had been one.
class forwarding_listener final : public rocksdb::EventListener {
public:
  explicit forwarding_listener(engine_listener to) : to_(std::move(to)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    if (!to_.on_background_error || status->IsShutdownInProgress())
      return;
    const bool compaction = reason == rocksdb::BackgroundErrorReason::kCompaction;
    to_.on_background_error(to_error(*status, compaction ? "compaction" : "flush"));
  }

  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override {
    if (!to_.on_write_stall)
      return;
    switch (info.condition.cur) {
    case rocksdb::WriteStallCondition::kDelayed:
      return to_.on_write_stall(write_stall::delayed);
    case rocksdb::WriteStallCondition::kStopped:
      return to_.on_write_stall(write_stall::stopped);
    case rocksdb::WriteStallCondition::kNormal:
      return to_.on_write_stall(write_stall::none);
    }
  }

private:
  const engine_listener to_;
};

std::size_t write_buffer_bytes(const rocksdb_options& options) {
  return std::min(options.write_buffer_bytes, options.memory_bytes / 2);
}

rocksdb::ColumnFamilyOptions family_options(family which, const rocksdb_options& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions family;
  // The buffers of all families share one limit (the write buffer manager); this one only keeps a
  // single family from being cut earlier.
  family.write_buffer_size = write_buffer_bytes(options);
  // Sizes count the blocks of write buffers whole, and every batch touches every family: with
  // blocks of a megabyte a store of nothing would seem to take eight.
  family.arena_block_size = which == family::data ? std::size_t{256} << 10 : std::size_t{32} << 10;
  family.max_write_buffer_number = 4;
  family.level_compaction_dynamic_level_bytes = true;
  // The upper levels are rewritten soon: compressing them costs CPU per put and saves little.
  family.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                                  rocksdb::kLZ4Compression};
  // Keys of events only rise: their files never overlap and move down as they are, but only between
  // levels that compress alike.
  if (which == family::events)
    family.compression_per_level = {rocksdb::kLZ4Compression};
  family.periodic_compaction_seconds = 0;
  family.ttl = 0;
  if (which == family::data) {
    family.comparator = rocksdb::BytewiseComparatorWithU64Ts();
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    // A put of a new key asks whether it is there: the filter spares the search of the skip list.
    family.memtable_prefix_bloom_size_ratio = 0.02;
    family.memtable_whole_key_filtering = true;
  }
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

bool made_by_rocksdb(const std::string& file) {
  const auto starts = [&](std::string_view prefix) { return file.starts_with(prefix); };
  const auto ends = [&](std::string_view suffix) { return file.ends_with(suffix); };
  return file == "LOCK" || file == "IDENTITY" || file == "CURRENT" || starts("LOG")
         || starts("MANIFEST-") || starts("OPTIONS-") || ends(".log") || ends(".sst")
         || ends(".dbtmp");
}

} // namespace

rocksdb::DBOptions database_options(const rocksdb_options& options,
                                    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.atomic_flush = true;
  db.write_buffer_manager =
    std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes(options), cache);
  db.max_background_jobs = options.background_jobs;
  db.max_open_files = 1024;
  db.bytes_per_sync = 1 << 20;
  // One thread writes: no need for the concurrent skip list.
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;
  db.max_bgerror_resume_count = 0;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db.max_log_file_size = 8 << 20;
  db.keep_log_file_num = 4;
  db.listeners.push_back(std::make_shared<forwarding_listener>(options.listener));
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor>
family_descriptors(const rocksdb_options& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  std::vector<rocksdb::ColumnFamilyDescriptor> list;
  list.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions{});
  for (std::size_t i = 0; i < family_count; ++i) {
    const auto which = static_cast<family>(i);
    list.emplace_back(std::string{name(which)}, family_options(which, options, cache));
  }
  return list;
}

void prepare_directory(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  try {
    fs::create_directories(directory);
    fs::permissions(directory, fs::perms::owner_all);
    for (const auto& entry : fs::directory_iterator{directory})
      if (!made_by_rocksdb(entry.path().filename().string()))
        throw storage_error{errc::data_foreign,
                            directory.string() + " holds " + entry.path().filename().string()
                              + ", which does not belong there; give another data directory"};
  } catch (const fs::filesystem_error& error) {
    throw storage_error{error.code() == std::errc::no_space_on_device ? errc::disk_full
                                                                      : errc::io_error,
                        error.what()};
  }
}

storage_error to_error(const rocksdb::Status& status, std::string_view doing) {
  const auto text = std::string{doing} + ": " + status.ToString();
  if (status.IsNoSpace())
    return {errc::disk_full, text};
  if (status.IsCorruption())
    return {errc::data_damaged, text};
  if (status.IsIOError() && text.find("lock ") != std::string::npos)
    return {errc::data_locked, text + "; stop the other process"};
  return {errc::io_error, text};
}

void check(const rocksdb::Status& status, std::string_view doing) {
  if (!status.ok())
    throw to_error(status, doing);
}

} // namespace troupe::storage
