#include "storage/mvcc/store.hpp"

#include "messages/ensure.hpp"
#include "storage/mvcc/committed.hpp"
#include "storage/mvcc/lease_key.hpp"
#include "storage/mvcc/open_batch.hpp"
#include "storage/mvcc/record.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <utility>

namespace troupe::mvcc {

namespace {

using storage::family;

store_state read_state(const storage::read_view& view) {
  std::string record;
  return view.get(family::meta, state_key, record) ? decode_state(record) : store_state{};
}

/// What an engine holds, its digest found out if whoever wrote it kept none.
store_state open_state(const storage::read_view& view) {
  auto state = read_state(view);
  if (!state.digest) {
    digest_walk walk{view, state.revision, digest_walk::scope::keys};
    while (!walk.done())
      walk.step(SIZE_MAX);
    state.digest = {.keys = walk.result()};
  }
  return state;
}

/// Whether it is the applier's, and not what the store writes by itself.
bool is_plain(family where, std::string_view key) {
  switch (where) {
  case family::data:
  case family::events:
    return false;
  case family::lease:
    return !is_attachment(key);
  case family::meta:
    return key != state_key && key != storage::format_key;
  default:
    return true;
  }
}

bool has_keys(const storage::read_view& view) {
  bool any = false;
  view.visit_versions({}, std::nullopt, INT64_MAX, [&](std::string_view, std::string_view) {
    any = true;
    return false;
  });
  return any;
}

} // namespace

class store::state {
public:
  state(storage::engine& on, const store_options& options)
      : engine(on), opened(open_state(on.latest())),
        counts(options.count, opened.revision, !has_keys(on.latest())), below(on.latest(), counts),
        batch(on, below, opened, options.head_cache_bytes), revision(opened.revision),
        compacted(opened.compacted), events_floor(opened.compacted), data_removed_to(on.floor()) {}

  storage::engine& engine;
  const store_state opened; // with a digest
  count_index counts;
  const committed below;

  // The applier's.
  open_batch batch;
  bool txn_open = false;

  // Published by the applier, `revision` before `compacted`, so that who reads them the other way
  // round never sees a floor above the revision.
  std::atomic<std::int64_t> revision;
  std::atomic<std::int64_t> compacted;
  /// Published before the batch that erases the events below.
  std::atomic<std::int64_t> events_floor;
  /// Changes committed since the store was opened.
  std::atomic<std::int64_t> changes = 0;

  std::mutex removing;
  /// Under `removing`: the floor at which `data` was last rewritten.
  std::int64_t data_removed_to;

  std::mutex refining;

  /// The engine's floor is raised, and histories are pinned, one at a time.
  std::mutex pinning;
  /// Under `pinning`: the floors of what is pinned.
  std::multiset<std::int64_t> pins;

  /// How far the engine's floor may rise on the way to `floor`. @pre `pinning` is held.
  std::int64_t removable(std::int64_t floor) const {
    return pins.empty() ? floor : std::min(floor, *pins.begin());
  }

  /// As far as what is pinned allows. @returns the engine's floor from then on.
  std::int64_t raise_floor(std::int64_t wanted) {
    const std::lock_guard lock{pinning};
    engine.raise_floor(removable(wanted));
    return engine.floor();
  }

  bool data_worth_removing(std::int64_t floor) const;
};

class store::txn final : public write_txn {
public:
  explicit txn(state& of) : of_(of) {
    ensure(!of_.txn_open, "one transaction is open at a time");
    of_.txn_open = true;
  }

  txn(const txn&) = delete;
  txn& operator=(const txn&) = delete;

  ~txn() override {
    of_.txn_open = false;
  }

  std::int64_t revision() const override {
    return of_.batch.state().revision;
  }

  std::int64_t compacted() const override {
    return of_.batch.state().compacted;
  }

  errc get(std::string_view key, std::int64_t at, std::optional<key_value>& found) const override {
    const auto readable = check(at);
    return readable == errc::none ? of_.batch.get(key, at, found) : readable;
  }

  errc visit(const key_range& range, std::int64_t at,
             const std::function<bool(const key_value_view&)>& show) const override {
    const auto readable = check(at);
    return readable == errc::none ? of_.batch.visit(range, at, show) : readable;
  }

  errc count(const key_range& range, std::int64_t at, std::int64_t& keys) const override {
    const auto readable = check(at);
    return readable == errc::none ? of_.batch.count(range, at, keys) : readable;
  }

  std::optional<key_value> put(std::string_view key, std::string_view value, lease_id lease,
                               bool want_previous) override {
    std::optional<key_value> previous;
    if (want_previous)
      ensure(get(key, revision(), previous) == errc::none, "the newest revision is readable");
    start();
    of_.batch.put(key, value, lease, subs_++);
    return previous;
  }

  std::int64_t delete_range(const key_range& range, std::vector<key_value>* previous) override {
    std::vector<std::string> keys;
    const auto note = [&](const key_value_view& kv) {
      keys.emplace_back(kv.key);
      if (previous)
        previous->push_back({keys.back(), std::string{kv.value}, kv.create_revision,
                             kv.mod_revision, kv.version, kv.lease});
      return true;
    };
    if (range.single() && !previous)
      keys.push_back(range.begin);
    else
      ensure(visit(range, revision(), note) == errc::none, "the newest revision is readable");
    return erase(keys);
  }

  bool changed() const override {
    return subs_ > 0;
  }

private:
  void start() {
    if (!changed())
      of_.batch.next_revision();
  }

  std::int64_t erase(const std::vector<std::string>& keys) {
    std::int64_t deleted = 0;
    for (const auto& key : keys) {
      if (!of_.batch.exists(key))
        continue;
      start();
      of_.batch.erase(key, subs_++);
      ++deleted;
    }
    return deleted;
  }

  state& of_;
  std::int64_t subs_ = 0;
};

class store::reader final : public mvcc::snapshot {
public:
  explicit reader(const state& of) : of_(of), compacted_(of.compacted), revision_(of.revision) {}

  std::int64_t revision() const override {
    return revision_;
  }

  std::int64_t compacted() const override {
    return compacted_;
  }

  errc get(std::string_view key, std::int64_t at, std::optional<key_value>& found) const override {
    const auto readable = check(at);
    return readable == errc::none ? of_.below.get(key, at, found) : readable;
  }

  errc visit(const key_range& range, std::int64_t at,
             const std::function<bool(const key_value_view&)>& show) const override {
    const auto readable = check(at);
    return readable == errc::none ? of_.below.visit(range, at, show) : readable;
  }

  errc count(const key_range& range, std::int64_t at, std::int64_t& keys) const override {
    const auto readable = check(at);
    return readable == errc::none ? of_.below.count(range, at, keys) : readable;
  }

  std::int64_t events_floor() const override {
    return of_.events_floor;
  }

  errc visit_events(std::int64_t first, std::int64_t last,
                    const std::function<bool(event&&)>& show) const override {
    ensure(first > 0 && last <= revision_, "events are asked for in the past");
    if (first > last)
      return errc::none;
    auto result = errc::none;
    const auto begin = event_key({first, 0});
    const auto end = event_key({last + 1, 0});
    of_.engine.latest().visit(
      family::events, begin.view(), end.view(), [&](std::string_view key, std::string_view record) {
        // The floor as it is now: what this visit sees was fixed before.
        event e;
        result =
          first < of_.events_floor ? errc::compacted : read_event(decode_event_key(key), record, e);
        return result == errc::none && show(std::move(e));
      });
    return result == errc::none && first < of_.events_floor ? errc::compacted : result;
  }

private:
  errc read_event(struct revision at, std::string_view bytes, event& e) const {
    const auto record = decode_event(bytes);
    e.at = at;
    if (record.kind == event_record::type::deletion) {
      e.kind = event::type::deletion;
      e.kv = {.key = std::string{record.key}, .mod_revision = at.main};
      return errc::none;
    }
    if (!record.replaced.empty()) {
      key_head head;
      const auto skip = decode_head(record.replaced, head);
      e.kv = {std::string{record.key},
              std::string{record.replaced.substr(skip)},
              head.create_revision,
              head.mod_revision,
              head.version,
              head.lease};
      return errc::none;
    }
    std::optional<key_value> found;
    const auto result = of_.below.get(record.key, at.main, found);
    if (result != errc::none)
      return result;
    if (!found || found->mod_revision != at.main)
      throw storage::storage_error{errc::data_damaged,
                                   "state machine: an event without its version; restore this "
                                   "member from its peers"};
    e.kv = std::move(*found);
    return errc::none;
  }

  const state& of_;
  // In this order: the floor is read before the revision.
  const std::int64_t compacted_;
  const std::int64_t revision_;
};

class store::pin_holder final : public mvcc::pinned {
public:
  explicit pin_holder(store::state& of) : of_(of) {
    const std::lock_guard lock{of_.pinning};
    view_ = of_.engine.snapshot();
    state_ = read_state(*view_);
    ensure(std::max<std::int64_t>(state_.compacted, 0) >= of_.engine.floor(),
           "the engine's floor follows the store's");
    place_ = of_.pins.insert(state_.compacted);
  }

  pin_holder(const pin_holder&) = delete;
  pin_holder& operator=(const pin_holder&) = delete;

  ~pin_holder() override {
    const std::lock_guard lock{of_.pinning};
    of_.pins.erase(place_);
  }

  const store_state& state() const override {
    return state_;
  }

  const storage::read_view& view() const override {
    return *view_;
  }

private:
  store::state& of_;
  std::unique_ptr<storage::read_view> view_;
  store_state state_;
  std::multiset<std::int64_t>::iterator place_;
};

store::store(storage::engine& engine, store_options options)
    : state_(std::make_unique<state>(engine, options)) {}

store::~store() = default;

std::unique_ptr<write_txn> store::begin() {
  return std::make_unique<txn>(*state_);
}

void store::compact(std::int64_t at) {
  ensure(!state_->txn_open, "no transaction is open");
  state_->batch.compact(at);
}

void store::put(family where, std::string_view key, std::string_view value) {
  ensure(is_plain(where, key), "a plain record of the applier's");
  state_->batch.put(where, key, value);
}

void store::erase(family where, std::string_view key) {
  ensure(is_plain(where, key), "a plain record of the applier's");
  state_->batch.erase(where, key);
}

bool store::get(family where, std::string_view key, std::string& value) const {
  return state_->batch.get(where, key, value);
}

void store::visit(family where, std::string_view begin, std::optional<std::string_view> end,
                  const storage::read_view::shower& show) const {
  state_->batch.visit(where, begin, end, show);
}

std::unique_ptr<storage::read_view::walker> store::walk(family where) const {
  return state_->batch.walk(where);
}

std::vector<event> store::commit(entry_id applied) {
  ensure(!state_->txn_open, "no transaction is open");
  state_->events_floor = state_->batch.state().compacted;
  auto written = state_->batch.commit(applied);
  state_->counts.add(std::move(written.changes));
  state_->changes += static_cast<std::int64_t>(written.events.size());
  state_->revision = state_->batch.state().revision;
  state_->compacted = state_->batch.state().compacted;
  return std::move(written.events);
}

std::int64_t store::revision() const {
  return state_->batch.state().revision;
}

std::int64_t store::compacted() const {
  return state_->batch.state().compacted;
}

entry_id store::applied() const {
  return state_->batch.state().applied;
}

std::unique_ptr<mvcc::snapshot> store::snapshot() const {
  return std::make_unique<reader>(*state_);
}

std::unique_ptr<mvcc::pinned> store::pin() const {
  return std::make_unique<pin_holder>(*state_);
}

entry_id store::flushed() const {
  const auto record = state_->engine.durable(state_key);
  return record ? decode_state(*record).applied : entry_id{};
}

void store::flush() {
  state_->engine.flush();
}

bool store::history_to_remove() const {
  const std::lock_guard lock{state_->pinning};
  return state_->removable(state_->compacted) > state_->engine.floor();
}

void store::remove_history(bool all) {
  const std::lock_guard lock{state_->removing};
  auto& engine = state_->engine;
  if (!history_to_remove() && (!all || state_->data_removed_to == engine.floor()))
    return;
  engine.flush();
  const auto record = engine.durable(state_key);
  ensure(record.has_value(), "a flushed store has a state record");
  const auto floor = state_->raise_floor(decode_state(*record).compacted);
  const bool data_too = all || state_->data_worth_removing(floor);
  engine.compact(data_too);
  if (data_too)
    state_->data_removed_to = floor;
}

/// Each change replaced at most one version: an upper bound of what a rewrite of `data` frees.
bool store::state::data_worth_removing(std::int64_t floor) const {
  const auto revisions = std::max<std::int64_t>(1, revision - opened.revision);
  const auto changes_per_revision =
    std::max(1.0, static_cast<double>(changes) / static_cast<double>(revisions));
  const auto replaced = static_cast<double>(floor - data_removed_to) * changes_per_revision;
  return 4 * replaced >= static_cast<double>(engine.sizes().versions);
}

bool store::refine_counts(std::size_t max_keys) {
  const std::lock_guard lock{state_->refining};
  const std::int64_t at = state_->revision;
  return state_->counts.refine(
    at, max_keys, [&](const key_range& range, const std::function<bool(std::string_view)>& show) {
      return state_->below.visit_keys(range, at, show);
    });
}

} // namespace troupe::mvcc
