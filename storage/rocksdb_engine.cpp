#include "storage/rocksdb_engine.hpp"

#include "messages/ensure.hpp"
#include "storage/rocksdb_options.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <set>
#include <utility>

namespace troupe::storage {

namespace {

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

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

std::string_view text(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

std::size_t index(family where) {
  return static_cast<std::size_t>(where);
}

/// In every plain family; not shown by visits. See `rocksdb_engine::write`.
constexpr std::string_view marker_key{"\0marker", 7};

/// One version of `data`.
struct version {
  std::string key;
  std::int64_t at = 0;
  std::string value;
  bool erased = false;
};

} // namespace

struct rocksdb_engine::database {
  std::filesystem::path directory;
  std::shared_ptr<rocksdb::Cache> cache;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* unused_default = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::atomic<std::int64_t> floor = 0;
  std::atomic<bool> cancel_compactions = false;
  /// A version of `data` that may be written again without effect; of the writing thread.
  version repeatable;
  /// Whether there is one.
  std::atomic<bool> has_data = false;

  rocksdb::ColumnFamilyHandle* handle(family where) const {
    return families[index(where)];
  }

  ~database() {
    for (auto* family : families)
      db->DestroyColumnFamilyHandle(family);
    if (unused_default)
      db->DestroyColumnFamilyHandle(unused_default);
    if (db)
      db->Close().PermitUncheckedError();
  }
};

class rocksdb_engine::batch final : public write_batch {
public:
  explicit batch(const database& db) : db_(db) {}

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
  version last;

private:
  void remember(std::string_view key, std::int64_t at, std::string_view value, bool erased) {
    last.key = key;
    last.at = at;
    last.value = value;
    last.erased = erased;
  }

  const database& db_;
};

namespace {

/// RocksDB counts in memory of the thread how many keys it compares and the like, for whoever asks;
/// nobody does, and on a write that is a tenth of its time.
void count_nothing() {
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
}

} // namespace

class rocksdb_engine::view final : public read_view {
public:
  view(const database& db, const rocksdb::Snapshot* fixed) : db_(db), fixed_(fixed) {}

  view(const view&) = delete;
  view& operator=(const view&) = delete;

  ~view() override {
    if (fixed_)
      db_.db->ReleaseSnapshot(fixed_);
  }

  found get_version(std::string_view key, std::int64_t at, std::string& value) const override {
    if (key.empty())
      return at < db_.floor ? found::below_floor : found::no;
    const timestamp stamp{at};
    const auto version = stamp.slice();
    auto options = read_options();
    options.timestamp = &version;
    const auto status = get(options, family::data, key, value);
    // After the read: a floor that rose meanwhile may have taken away what was looked for. RocksDB
    // itself refuses reads below the floor as invalid.
    if (at < db_.floor)
      return found::below_floor;
    if (status.IsNotFound())
      return found::no;
    check(status, "read of data");
    return found::yes;
  }

  found visit_versions(std::string_view begin, std::optional<std::string_view> end, std::int64_t at,
                       const shower& show) const override {
    if (at < db_.floor)
      return found::below_floor;
    const timestamp stamp{at};
    const auto version = stamp.slice();
    auto options = read_options();
    options.timestamp = &version;
    return scan(options, family::data, begin, end, at, show);
  }

  bool get(family where, std::string_view key, std::string& value) const override {
    ensure(where != family::data, "a plain family");
    const auto status = get(read_options(), where, key, value);
    if (status.IsNotFound())
      return false;
    check(status, "read");
    return true;
  }

  void visit(family where, std::string_view begin, std::optional<std::string_view> end,
             const shower& show) const override {
    ensure(where != family::data, "a plain family");
    scan(read_options(), where, begin, end, INT64_MAX, show);
  }

  std::unique_ptr<read_view::walker> walk(family where) const override;

private:
  class walker;

  rocksdb::ReadOptions read_options() const {
    rocksdb::ReadOptions options;
    options.snapshot = fixed_;
    return options;
  }

  rocksdb::Status get(const rocksdb::ReadOptions& options, family where, std::string_view key,
                      std::string& value) const {
    count_nothing();
    rocksdb::PinnableSlice pinned{&value};
    auto status = db_.db->Get(options, db_.handle(where), slice(key), &pinned);
    if (status.ok() && pinned.IsPinned())
      value.assign(pinned.data(), pinned.size());
    return status;
  }

  found scan(rocksdb::ReadOptions options, family where, std::string_view begin,
             std::optional<std::string_view> end, std::int64_t at, const shower& show) const {
    count_nothing();
    const auto bound = slice(end.value_or(std::string_view{}));
    if (end)
      options.iterate_upper_bound = &bound;
    if (end && *end <= begin)
      return found::yes;
    const std::unique_ptr<rocksdb::Iterator> entry{db_.db->NewIterator(options, db_.handle(where))};
    // The iterator now holds on to all files that it needs: what a later floor removes stays.
    if (at < db_.floor)
      return found::below_floor;
    if (begin.empty())
      entry->SeekToFirst();
    else
      entry->Seek(slice(begin));
    for (; entry->Valid(); entry->Next()) {
      if (where != family::data && text(entry->key()) == marker_key)
        continue;
      if (!show(text(entry->key()), text(entry->value())))
        return found::yes;
    }
    check(entry->status(), "read");
    return found::yes;
  }

  const database& db_;
  const rocksdb::Snapshot* const fixed_;
};

class rocksdb_engine::view::walker final : public read_view::walker {
public:
  walker(const view& of, family where)
      : of_(of), where_(where),
        entry_(of.db_.db->NewIterator(options_for(of), of.db_.handle(where))) {}

  void visit(std::string_view begin, std::string_view end, const shower& show) override {
    count_nothing();
    move_to(begin);
    from_ = begin;
    while (entry_->Valid() && text(entry_->key()) < end) {
      if (text(entry_->key()) != marker_key && !show(text(entry_->key()), text(entry_->value()))) {
        passed_ = text(entry_->key());
        return;
      }
      from_.assign(text(entry_->key())).push_back('\0');
      entry_->Next();
    }
    passed_ = end;
    // Where much has been erased a step may lead through all of it and far beyond the range.
    if (entry_->status().IsIncomplete())
      of_.visit(where_, from_, end, show);
    else
      check(entry_->status(), "read");
  }

private:
  static rocksdb::ReadOptions options_for(const view& of) {
    auto options = of.read_options();
    options.max_skippable_internal_keys = 64;
    return options;
  }

  /// A step costs a tenth of a search.
  void move_to(std::string_view key) {
    constexpr int few = 4;
    if (key >= passed_)
      for (int steps = 0; entry_->Valid() && steps < few; ++steps, entry_->Next())
        if (text(entry_->key()) >= key)
          return;
    entry_->Seek(slice(key));
  }

  const view& of_;
  const family where_;
  const std::unique_ptr<rocksdb::Iterator> entry_;
  /// Of the entries before the one that the iterator stands at, none is at or above it.
  std::string passed_;
  /// What is below was shown, or is not wanted.
  std::string from_;
};

std::unique_ptr<read_view::walker> rocksdb_engine::view::walk(family where) const {
  ensure(where != family::data, "a plain family");
  count_nothing();
  return std::make_unique<walker>(*this, where);
}

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
version any_version(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* data) {
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
  version found{.key = entry->key().ToString(), .value = entry->value().ToString()};
  std::memcpy(&found.at, entry->timestamp().data(), sizeof found.at);
  return found;
}

} // namespace

rocksdb_engine::rocksdb_engine(const std::filesystem::path& directory, rocksdb_options options)
    : db_(std::make_unique<database>()) {
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
  latest_ = std::make_unique<view>(*db_, nullptr);
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
  return std::make_unique<view>(*db_, db_->db->GetSnapshot());
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
