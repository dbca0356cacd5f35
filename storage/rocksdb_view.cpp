#include "storage/rocksdb_view.hpp"

#include "messages/ensure.hpp"
#include "storage/rocksdb_database.hpp"
#include "storage/rocksdb_options.hpp"

namespace troupe::storage {

rocksdb_view::rocksdb_view(const rocksdb_database& db, const rocksdb::Snapshot* fixed)
    : db_(db), fixed_(fixed) {}

rocksdb_view::~rocksdb_view() {
  if (fixed_)
    db_.db->ReleaseSnapshot(fixed_);
}

read_view::found rocksdb_view::get_version(std::string_view key, std::int64_t at,
                                           std::string& value) const {
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

read_view::found rocksdb_view::visit_versions(std::string_view begin,
                                              std::optional<std::string_view> end, std::int64_t at,
                                              const shower& show) const {
  if (at < db_.floor)
    return found::below_floor;
  const timestamp stamp{at};
  const auto version = stamp.slice();
  auto options = read_options();
  options.timestamp = &version;
  return scan(options, family::data, begin, end, at, show);
}

bool rocksdb_view::get(family where, std::string_view key, std::string& value) const {
  ensure(where != family::data, "a plain family");
  const auto status = get(read_options(), where, key, value);
  if (status.IsNotFound())
    return false;
  check(status, "read");
  return true;
}

void rocksdb_view::visit(family where, std::string_view begin, std::optional<std::string_view> end,
                         const shower& show) const {
  ensure(where != family::data, "a plain family");
  scan(read_options(), where, begin, end, INT64_MAX, show);
}

rocksdb::ReadOptions rocksdb_view::read_options() const {
  rocksdb::ReadOptions options;
  options.snapshot = fixed_;
  return options;
}

rocksdb::Status rocksdb_view::get(const rocksdb::ReadOptions& options, family where,
                                  std::string_view key, std::string& value) const {
  count_nothing();
  rocksdb::PinnableSlice pinned{&value};
  auto status = db_.db->Get(options, db_.handle(where), slice(key), &pinned);
  if (status.ok() && pinned.IsPinned())
    value.assign(pinned.data(), pinned.size());
  return status;
}

read_view::found rocksdb_view::scan(rocksdb::ReadOptions options, family where,
                                    std::string_view begin, std::optional<std::string_view> end,
                                    std::int64_t at, const shower& show) const {
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

class rocksdb_view::walker final : public read_view::walker {
public:
  walker(const rocksdb_view& of, family where)
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
  static rocksdb::ReadOptions options_for(const rocksdb_view& of) {
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

  const rocksdb_view& of_;
  const family where_;
  const std::unique_ptr<rocksdb::Iterator> entry_;
  /// Of the entries before the one that the iterator stands at, none is at or above it.
  std::string passed_;
  /// What is below was shown, or is not wanted.
  std::string from_;
};

std::unique_ptr<read_view::walker> rocksdb_view::walk(family where) const {
  ensure(where != family::data, "a plain family");
  count_nothing();
  return std::make_unique<walker>(*this, where);
}

} // namespace troupe::storage
