#pragma once

#include "storage/engine.hpp"

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/perf_level.h>
#include <string>
#include <string_view>
#include <vector>

// What the parts of the engine on RocksDB share; of no use to others.

namespace troupe::storage {

static_assert(std::endian::native == std::endian::little, "timestamps are little-endian");

/// A revision as RocksDB wants its timestamps.
class timestamp {
public:
  explicit timestamp(std::int64_t at) {
    std::memcpy(bytes_, &at, sizeof at);
  }

  rocksdb::Slice slice() const {
    return {bytes_, sizeof bytes_};
  }

private:
  char bytes_[sizeof(std::int64_t)];
};

inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

inline std::string_view text(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

inline std::size_t index(family where) {
  return static_cast<std::size_t>(where);
}

/// In every plain family; not shown by visits. See `rocksdb_engine::write`.
inline constexpr std::string_view marker_key{"\0marker", 7};

/// RocksDB counts in memory of the thread how many keys it compares and the like, for whoever asks;
/// nobody does, and on a write that is a tenth of its time.
inline void count_nothing() {
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

/// One version of `data`.
struct rocksdb_version {
  std::string key;
  std::int64_t at = 0;
  std::string value;
  bool erased = false;
};

struct rocksdb_database {
  std::filesystem::path directory;
  std::shared_ptr<rocksdb::Cache> cache;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* unused_default = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::atomic<std::int64_t> floor = 0;
  std::atomic<bool> cancel_compactions = false;
  /// A version of `data` that may be written again without effect; of the writing thread.
  rocksdb_version repeatable;
  /// Whether there is one.
  std::atomic<bool> has_data = false;

  rocksdb::ColumnFamilyHandle* handle(family where) const {
    return families[index(where)];
  }

  ~rocksdb_database() {
    for (auto* family : families)
      db->DestroyColumnFamilyHandle(family);
    if (unused_default)
      db->DestroyColumnFamilyHandle(unused_default);
    if (db)
      db->Close().PermitUncheckedError();
  }
};

} // namespace troupe::storage
