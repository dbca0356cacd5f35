#include "storage/rocksdb_engine.hpp"

#include "messages/ensure.hpp"
#include "storage/rocksdb_database.hpp"
#include "storage/rocksdb_options.hpp"
#include "storage/rocksdb_view.hpp"

#include <algorithm>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <set>
#include <utility>

namespace troupe::storage {

class rocksdb_engine::batch final : public write_batch {
public:
  explicit batch(const rocksdb_database& db) : db_(db) {}

  void put_version(std::string_view key, std::int64_t at, std::string_view value) override {
    ensure(!key.empty() && at > 0, "a version has a key and a revision");
    check(changes.Put(db_.handle(family::data), slice(key), timestamp{at}.slice(), slice(value)),
          "batch");
    remember(key, at, value, false);
  }

  void erase_version(std::string_view key, std::int64_t at) override {
    ensure(!key.empty() && at > 0, "a version has a key and a revision");
    check(changes.Delete(db_.handle(family::data), slice(key), timestamp{at}.slice()), "batch");
    remember(key, at, {}, true);
  }

  void put(family where, std::string_view key, std::string_view value) override {
    ensure(where != family::data && !key.empty(), "a plain family and a key");
    check(changes.Put(db_.handle(where), slice(key), slice(value)), "batch");
  }

  void erase(family where, std::string_view key) override {
    ensure(where != family::data && !key.empty(), "a plain family and a key");
    check(changes.Delete(db_.handle(where), slice(key)), "batch");
  }

  void erase_range(family where, std::string_view begin, std::string_view end) override {
    ensure(where != family::data, "a plain family");
    if (begin < end)
      check(changes.DeleteRange(db_.handle(where), slice(begin), slice(end)), "batch");
  }

  void clear() override {
    changes.Clear();
    last.at = 0;
  }

  bool empty() const override {
    return changes.Count() == 0;
  }

  std::size_t bytes() const override {
    return changes.GetDataSize();
  }

  rocksdb::WriteBatch changes;
  /// The last change of `data`; `at` is 0 if there is none.
  rocksdb_version last;

private:
  void remember(std::string_view key, std::int64_t at, std::string_view value, bool erased) {
    last.key = key;
    last.at = at;
    last.value = value;
    last.erased = erased;
  }

  const rocksdb_database& db_;
};

namespace {

/// Refuses a RocksDB database that is not ours before anything in it is touched.
void check_families(const std::filesystem::path& directory) {
  std::vector<std::string> present;
  if (!std::filesystem::exists(directory / "CURRENT"))
    return;
  check(rocksdb::DB::ListColumnFamilies({}, directory.string(), &present),
        "open " + directory.string());
  std::set<std::string_view> known{rocksdb::kDefaultColumnFamilyName};
  for (std::size_t i = 0; i < family_count; ++i)
    known.insert(name(static_cast<family>(i)));
  for (const auto& family : present)
    if (!known.contains(family))
      throw storage_error{errc::data_foreign,
                          directory.string() + " is a RocksDB database with a family " + family
                            + " unknown to this program; give another data directory, or start "
                              "the newer program that wrote it"};
}

std::int64_t read_floor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* data) {
  // GetFullHistoryTsLow aborts on a floor that was never set. Lowering is refused, so this only
  // sets.
  const auto lowest = timestamp{0}.slice().ToString();
  if (const auto status = db.IncreaseFullHistoryTsLow(data, lowest); !status.IsInvalidArgument())
    check(status, "set of the floor");
  std::string bytes;
  check(db.GetFullHistoryTsLow(data, &bytes), "read of the floor");
  std::int64_t floor = 0;
  if (bytes.size() == sizeof floor)
    std::memcpy(&floor, bytes.data(), sizeof floor);
  return floor;
}

/// Any version of `data`; `at` is negative if no key exists.
rocksdb_version any_version(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* data) {
  const timestamp newest{INT64_MAX};
  const auto stamp = newest.slice();
  rocksdb::ReadOptions options;
  options.timestamp = &stamp;
  const std::unique_ptr<rocksdb::Iterator> entry{db.NewIterator(options, data)};
  entry->SeekToFirst();
  if (!entry->Valid()) {
    check(entry->status(), "read");
    return {.at = -1};
  }
  rocksdb_version found{.key = entry->key().ToString(), .value = entry->value().ToString()};
  std::memcpy(&found.at, entry->timestamp().data(), sizeof found.at);
  return found;
}

} // namespace

rocksdb_engine::rocksdb_engine(const std::filesystem::path& directory, rocksdb_options options)
    : db_(std::make_unique<rocksdb_database>()) {
  prepare_directory(directory);
  check_families(directory);
  db_->directory = directory;
  db_->cache = rocksdb::NewLRUCache(options.memory_bytes);
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto descriptors = family_descriptors(options, db_->cache);
  check(rocksdb::DB::Open(database_options(options, db_->cache), directory.string(), descriptors,
                          &handles, &db),
        "open " + directory.string());
  db_->db.reset(db);
  db_->unused_default = handles.front();
  db_->families.assign(handles.begin() + 1, handles.end());
  db_->floor = read_floor(*db, db_->handle(family::data));
  db_->repeatable = any_version(*db, db_->handle(family::data));
  db_->has_data = db_->repeatable.at >= 0;
  latest_ = std::make_unique<rocksdb_view>(*db_, nullptr);
  check_format(*this);
}

rocksdb_engine::~rocksdb_engine() {
  cancel_compactions();
}

void rocksdb_engine::cancel_compactions() {
  db_->cancel_compactions = true;
}

std::unique_ptr<write_batch> rocksdb_engine::make_batch() const {
  return std::make_unique<batch>(*db_);
}

/// Every batch touches every family. RocksDB 7.8 does not keep the promise of atomic_flush in
/// CompactRange and CreateCheckpoint: they choose the families that hold something unflushed and
/// switch their write buffers only later, so that a write in between would be flushed in the chosen
/// families alone (its issue 11148, mended in 8.1). With all or none to choose from that cannot
/// happen. In `data` there is no room for a marker: a version that is there already is repeated.
void rocksdb_engine::write(write_batch& changes) {
  count_nothing();
  auto& wanted = static_cast<batch&>(changes);
  auto& all = wanted.changes;
  all.SetSavePoint();
  if (wanted.last.at == 0 && db_->has_data) {
    const auto& same = db_->repeatable;
    const timestamp stamp{same.at};
    auto* data = db_->handle(family::data);
    check(same.erased ? all.Delete(data, slice(same.key), stamp.slice())
                      : all.Put(data, slice(same.key), stamp.slice(), slice(same.value)),
          "batch");
  }
  for (std::size_t i = 0; i < family_count; ++i)
    if (static_cast<family>(i) != family::data)
      check(all.Put(db_->families[i], slice(marker_key), {}), "batch");
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  check(db_->db->Write(options, &all), "write");
  check(all.RollbackToSavePoint(), "batch");
  if (wanted.last.at != 0) {
    db_->repeatable = wanted.last;
    db_->has_data = true;
  }
}

const read_view& rocksdb_engine::latest() const {
  return *latest_;
}

std::unique_ptr<read_view> rocksdb_engine::snapshot() const {
  return std::make_unique<rocksdb_view>(*db_, db_->db->GetSnapshot());
}

void rocksdb_engine::flush() {
  // All families in one call: alone, one would leave the others behind (atomic_flush or not).
  check(db_->db->Flush({}, db_->families), "flush");
}

std::optional<std::string> rocksdb_engine::durable(std::string_view meta_key) const {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kPersistedTier;
  std::string value;
  const auto status = db_->db->Get(options, db_->handle(family::meta), slice(meta_key), &value);
  if (status.IsNotFound())
    return std::nullopt;
  check(status, "read of meta");
  return value;
}

void rocksdb_engine::raise_floor(std::int64_t at) {
  if (at <= db_->floor)
    return;
  db_->floor = at;
  // RocksDB's readers look at its floor without a lock. It is a string of eight bytes in place,
  // which opening has set and this overwrites, and db_->floor decides in any case.
  const auto bytes = timestamp{at}.slice().ToString();
  check(db_->db->IncreaseFullHistoryTsLow(db_->handle(family::data), bytes), "raise of the floor");
}

std::int64_t rocksdb_engine::floor() const {
  return db_->floor;
}

void rocksdb_engine::compact(bool data_too) {
  // Before the first version there is no history, and batches do not touch `data` (see write).
  if (!db_->has_data)
    return flush();
  rocksdb::CompactRangeOptions options;
  // Beside the automatic compactions, never in their place.
  options.exclusive_manual_compaction = false;
  // The last level too: replaced versions may have arrived there while they were still readable.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.canceled = &db_->cancel_compactions;
  const auto run = [&](family where, const rocksdb::Slice* end) {
    const auto status = db_->db->CompactRange(options, db_->handle(where), nullptr, end);
    if (!status.IsIncomplete())
      check(status, "compaction");
  };
  std::string end;
  for (int shift = 56; shift >= 0; shift -= 8)
    end += static_cast<char>(db_->floor.load() >> shift);
  const rocksdb::Slice end_of_erased{end};
  run(family::events, &end_of_erased);
  if (data_too)
    run(family::data, nullptr);
}

void rocksdb_engine::checkpoint(const std::filesystem::path& directory) {
  rocksdb::Checkpoint* made = nullptr;
  check(rocksdb::Checkpoint::Create(db_->db.get(), &made), "checkpoint");
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint{made};
  check(checkpoint->CreateCheckpoint(directory.string()), "checkpoint " + directory.string());
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
}

engine_sizes rocksdb_engine::sizes() const {
  const auto sum = [&](const std::string& property) {
    std::uint64_t total = 0;
    for (auto* family : db_->families) {
      std::uint64_t value = 0;
      if (db_->db->GetIntProperty(family, property, &value))
        total += value;
    }
    return total;
  };
  engine_sizes sizes;
  sizes.on_disk = sum(rocksdb::DB::Properties::kTotalSstFilesSize);
  sizes.live = std::min(sizes.on_disk, sum(rocksdb::DB::Properties::kEstimateLiveDataSize));
  sizes.unflushed = sum(rocksdb::DB::Properties::kCurSizeAllMemTables);
  db_->db->GetIntProperty(db_->handle(family::data), rocksdb::DB::Properties::kEstimateNumKeys,
                          &sizes.versions);
  return sizes;
}

} // namespace troupe::storage
