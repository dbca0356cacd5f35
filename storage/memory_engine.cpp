#include "storage/memory_engine.hpp"

#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::storage {

namespace {

using state = memory_state;

std::size_t index(family where) {
  return static_cast<std::size_t>(where);
}

/// Removes what no read at or above `floor` can see.
void collapse(state& s, std::int64_t floor) {
  for (auto at = s.data.begin(); at != s.data.end();) {
    auto& versions = at->second;
    auto keep = versions.upper_bound(floor);
    if (keep != versions.begin()) {
      const auto newest_old = std::prev(keep);
      keep = newest_old->second ? newest_old : keep;
    }
    for (auto old = versions.begin(); old != keep; old = versions.erase(old))
      s.bytes -= old->second ? old->second->size() : 0;
    at = versions.empty() ? s.data.erase(at) : std::next(at);
  }
}

} // namespace

/// One step of a batch; `at` < 0 outside `data`.
struct memory_engine::change {
  enum class what : std::uint8_t { put, erase, erase_range };

  what kind;
  family where;
  std::int64_t at;
  std::string key;
  std::string value;

  void apply(state& s) const {
    if (where == family::data) {
      auto& version = s.data[key][at];
      s.bytes -= version ? version->size() : 0;
      version = kind == what::put ? std::optional{value} : std::nullopt;
      s.bytes += version ? version->size() : 0;
      return;
    }
    auto& map = s.plain[index(where)];
    if (kind == what::erase_range) {
      if (key < value)
        map.erase(map.lower_bound(key), map.lower_bound(value));
    } else if (kind == what::erase) {
      map.erase(key);
    } else {
      map[key] = value;
    }
  }
};

class memory_engine::batch final : public write_batch {
public:
  void put_version(std::string_view key, std::int64_t at, std::string_view value) override {
    ensure(!key.empty() && at > 0, "a version has a key and a revision");
    add({change::what::put, family::data, at, std::string{key}, std::string{value}});
  }

  void erase_version(std::string_view key, std::int64_t at) override {
    ensure(!key.empty() && at > 0, "a version has a key and a revision");
    add({change::what::erase, family::data, at, std::string{key}, {}});
  }

  void put(family where, std::string_view key, std::string_view value) override {
    ensure(where != family::data && !key.empty(), "a plain family and a key");
    add({change::what::put, where, -1, std::string{key}, std::string{value}});
  }

  void erase(family where, std::string_view key) override {
    ensure(where != family::data && !key.empty(), "a plain family and a key");
    add({change::what::erase, where, -1, std::string{key}, {}});
  }

  void erase_range(family where, std::string_view begin, std::string_view end) override {
    ensure(where != family::data, "a plain family");
    add({change::what::erase_range, where, -1, std::string{begin}, std::string{end}});
  }

  void clear() override {
    changes.clear();
    bytes_ = 0;
  }

  bool empty() const override {
    return changes.empty();
  }

  std::size_t bytes() const override {
    return bytes_;
  }

  std::vector<change> changes;

private:
  void add(change c) {
    bytes_ += sizeof c + c.key.size() + c.value.size();
    changes.push_back(std::move(c));
  }

  std::size_t bytes_ = 0;
};

/// Reads a fixed state, or the engine's current one if there is none.
class memory_engine::view final : public read_view {
public:
  view(const memory_engine& owner, std::shared_ptr<const state> fixed)
      : owner_(owner), fixed_{owner, std::move(fixed)} {}

  found get_version(std::string_view key, std::int64_t at, std::string& value) const override {
    const auto s = pin();
    if (at < owner_.floor())
      return found::below_floor;
    const auto versions = s.content->data.find(key);
    const auto* version = versions == s.content->data.end() ? nullptr : as_of(versions->second, at);
    if (!version)
      return found::no;
    value = *version;
    return found::yes;
  }

  found visit_versions(std::string_view begin, std::optional<std::string_view> end, std::int64_t at,
                       const shower& show) const override {
    const auto s = pin();
    if (at < owner_.floor())
      return found::below_floor;
    for (auto entry = s.content->data.lower_bound(begin); entry != s.content->data.end(); ++entry) {
      if (end && entry->first >= *end)
        break;
      const auto* version = as_of(entry->second, at);
      if (version && !show(entry->first, *version))
        break;
    }
    return found::yes;
  }

  bool get(family where, std::string_view key, std::string& value) const override {
    ensure(where != family::data, "a plain family");
    const auto s = pin();
    const auto& map = s.content->plain[index(where)];
    const auto entry = map.find(key);
    if (entry == map.end())
      return false;
    value = entry->second;
    return true;
  }

  void visit(family where, std::string_view begin, std::optional<std::string_view> end,
             const shower& show) const override {
    ensure(where != family::data, "a plain family");
    const auto s = pin();
    const auto& map = s.content->plain[index(where)];
    for (auto entry = map.lower_bound(begin); entry != map.end(); ++entry)
      if ((end && entry->first >= *end) || !show(entry->first, entry->second))
        break;
  }

  std::unique_ptr<read_view::walker> walk(family where) const override;

private:
  class walker;

  static const std::string* as_of(const state::versions& versions, std::int64_t at) {
    const auto later = versions.upper_bound(at);
    if (later == versions.begin() || !std::prev(later)->second)
      return nullptr;
    return &*std::prev(later)->second;
  }

  /// Lets go under the engine's mutex, so that a write that finds itself alone comes after the
  /// read.
  struct pinned {
    pinned(const memory_engine& owner, std::shared_ptr<const state> s)
        : owner(owner), content(std::move(s)) {}
    pinned(const pinned&) = delete;
    pinned& operator=(const pinned&) = delete;

    ~pinned() {
      const std::lock_guard lock{owner.mutex_};
      content.reset();
    }

    const memory_engine& owner;
    std::shared_ptr<const state> content;
  };

  pinned pin() const {
    return {owner_, fixed_.content ? fixed_.content : owner_.current()};
  }

  const memory_engine& owner_;
  const pinned fixed_;
};

class memory_engine::view::walker final : public read_view::walker {
public:
  walker(const view& over, family where) : over_(over), where_(where) {}

  void visit(std::string_view begin, std::string_view end, const shower& show) override {
    over_.visit(where_, begin, end, show);
  }

private:
  const view& over_;
  const family where_;
};

std::unique_ptr<read_view::walker> memory_engine::view::walk(family where) const {
  ensure(where != family::data, "a plain family");
  return std::make_unique<walker>(*this, where);
}

memory_engine::memory_engine(memory_disk& disk, std::filesystem::path directory)
    : disk_(disk), directory_(std::move(directory)),
      latest_(std::make_unique<view>(*this, nullptr)) {
  {
    const std::lock_guard lock{disk_.mutex};
    auto& place = disk_.directories[directory_];
    if (place.locked)
      throw storage_error{errc::data_locked,
                          directory_.string() + " is already open; stop the other process"};
    place.locked = true;
    state_ = std::make_shared<state>(place.durable);
    floor_ = place.floor;
  }
  try {
    check_format(*this);
  } catch (...) {
    crash();
    throw;
  }
}

memory_engine::~memory_engine() {
  if (crashed_)
    return;
  flush();
  const std::lock_guard lock{disk_.mutex};
  disk_.directories[directory_].locked = false;
}

void memory_engine::flush_silently() {
  const std::lock_guard lock{mutex_};
  silent_points_.push_back(unflushed_.size());
}

std::size_t memory_engine::flush_points() const {
  const std::lock_guard lock{mutex_};
  return silent_points_.size() + 1;
}

void memory_engine::crash(std::size_t back) {
  const std::lock_guard lock{mutex_};
  ensure(!crashed_, "a machine stops once");
  ensure(back <= silent_points_.size(), "a crash goes back to a flush point that it may lose");
  const auto point = silent_points_.size() - back;
  persist(point == 0 ? 0 : silent_points_[point - 1]);
  crashed_ = true;
  const std::lock_guard disk_lock{disk_.mutex};
  disk_.directories[directory_].locked = false;
}

std::unique_ptr<write_batch> memory_engine::make_batch() const {
  return std::make_unique<batch>();
}

void memory_engine::write(write_batch& changes) {
  const auto& list = static_cast<batch&>(changes).changes;
  const std::lock_guard lock{mutex_};
  if (state_.use_count() > 1)
    state_ = std::make_shared<state>(*state_);
  for (const auto& c : list) {
    c.apply(*state_);
    if (!crashed_)
      unflushed_.push_back(c);
  }
}

const read_view& memory_engine::latest() const {
  return *latest_;
}

std::unique_ptr<read_view> memory_engine::snapshot() const {
  return std::make_unique<view>(*this, current());
}

void memory_engine::flush() {
  const std::lock_guard lock{mutex_};
  persist(unflushed_.size());
}

std::optional<std::string> memory_engine::durable(std::string_view meta_key) const {
  const std::lock_guard lock{mutex_};
  if (!silent_points_.empty())
    persist(silent_points_.back());
  const std::lock_guard disk_lock{disk_.mutex};
  const auto& meta = disk_.directories[directory_].durable.plain[index(family::meta)];
  const auto entry = meta.find(meta_key);
  return entry == meta.end() ? std::nullopt : std::optional{entry->second};
}

void memory_engine::raise_floor(std::int64_t at) {
  const std::lock_guard lock{mutex_};
  floor_ = std::max(floor_, at);
  if (crashed_)
    return;
  const std::lock_guard disk_lock{disk_.mutex};
  disk_.directories[directory_].floor = floor_;
}

std::int64_t memory_engine::floor() const {
  const std::lock_guard lock{mutex_};
  return floor_;
}

void memory_engine::compact(bool data_too) {
  const std::lock_guard lock{mutex_};
  persist(unflushed_.size());
  if (!data_too)
    return;
  if (state_.use_count() > 1)
    state_ = std::make_shared<state>(*state_);
  collapse(*state_, floor_);
  if (crashed_)
    return;
  const std::lock_guard disk_lock{disk_.mutex};
  collapse(disk_.directories[directory_].durable, floor_);
}

void memory_engine::checkpoint(const std::filesystem::path& directory) {
  const std::lock_guard lock{mutex_};
  persist(unflushed_.size());
  const std::lock_guard disk_lock{disk_.mutex};
  if (disk_.directories.contains(directory))
    throw storage_error{errc::io_error, directory.string() + " exists; a checkpoint makes it"};
  disk_.directories[directory] = {*state_, floor_, false};
}

engine_sizes memory_engine::sizes() const {
  const std::lock_guard lock{mutex_};
  engine_sizes sizes;
  for (const auto& [key, versions] : state_->data)
    sizes.versions += versions.size();
  sizes.on_disk = state_->bytes;
  sizes.live = state_->bytes;
  for (const auto& c : unflushed_)
    sizes.unflushed += c.key.size() + c.value.size();
  return sizes;
}

std::shared_ptr<const memory_state> memory_engine::current() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

/// Takes the first `changes` of `unflushed_` to the disk. @pre mutex_ is held.
void memory_engine::persist(std::size_t changes) const {
  if (crashed_)
    return;
  const std::lock_guard disk_lock{disk_.mutex};
  auto& durable = disk_.directories[directory_].durable;
  for (std::size_t i = 0; i < changes; ++i)
    unflushed_[i].apply(durable);
  unflushed_.erase(unflushed_.begin(), unflushed_.begin() + static_cast<std::ptrdiff_t>(changes));
  silent_points_.clear();
}

} // namespace troupe::storage
