// Random histories on a store and on a naive model of it, with crashes and reopening, on both
// engines. A failure names its seed.
#include "storage/mvcc/lease_key.hpp"
#include "storage/mvcc/store.hpp"
#include "test/storage/engine_machine.hpp"
#include "test/storage/store_model.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace troupe::mvcc {
namespace {

using storage::engine_kind;
using storage::family;
using namespace std::string_literals;

using plain_records = std::map<std::string, std::string>;

/// What should be there after one entry.
struct world {
  store_model keys;
  plain_records records;
};

class walk {
public:
  walk(engine_kind kind, std::uint64_t seed)
      : kind_(kind), random_(seed), machine_(storage::make_machine(kind)), worlds_{world{}} {
    open();
  }

  void step() {
    switch (pick(17)) {
    case 0:
      return commit();
    case 1:
      return compact();
    case 2:
      return maintain();
    case 3:
      return restart();
    case 4:
      return keep_snapshot();
    case 5:
    case 6:
      return check_snapshot(*store_->snapshot(), worlds_.back(), true);
    case 7:
      return check_events();
    case 8:
      return change_records();
    case 9:
      return check_attachments();
    case 10:
      if (kept_)
        check_snapshot(*kept_, kept_world_, false);
      return;
    default:
      return transact();
    }
  }

private:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_);
  }

  std::string key() {
    static const std::vector<std::string> special{"\0"s, "a",     "a\0"s, "a\0a"s,
                                                  "ab",  "\xff"s, "z",    std::string(300, 'k')};
    const auto n = pick(40);
    return n < special.size() ? special[n] : "k" + std::to_string(n);
  }

  key_range range() {
    switch (pick(5)) {
    case 0:
      return key_range::of(key(), {});
    case 1:
      return key_range::of(key(), "\0"s);
    case 2:
      return key_range{"", std::nullopt};
    default:
      return key_range::of(key(), key());
    }
  }

  void open() {
    engine_ = machine_->open("store");
    store_ = std::make_unique<store>(
      *engine_, store_options{pick(2) ? 400 + pick(8000) : 0,
                              {.bucket_keys = 1 + pick(4),
                               .max_buckets = 1 + pick(30),
                               .recent_bytes = pick(2) ? std::size_t{1} << 20 : pick(2000)}});
    working_ = worlds_.back();
    dirty_ = false;
  }

  /// A crash may lose entries since the last flush point, a clean restart nothing committed.
  void restart() {
    kept_.reset();
    const auto crash = pick(2) == 0;
    const auto committed = worlds_.size() - 1;
    const auto flushed = pick(2) ? store_->flushed().index.value : 0;
    store_.reset();
    if (crash && kind_ == engine_kind::memory) {
      auto& memory = static_cast<storage::memory_engine&>(*engine_);
      memory.crash(pick(memory.flush_points()));
    } else if (crash) {
      machine_->crash(std::move(engine_));
    }
    engine_.reset();
    engine_ = machine_->open("store");
    store_ = std::make_unique<store>(*engine_);
    const auto applied = store_->applied().index.value;
    store_.reset();
    engine_.reset();
    ASSERT_LE(flushed, applied);
    ASSERT_LE(applied, committed);
    if (!crash) {
      ASSERT_EQ(applied, committed);
    }
    worlds_.resize(applied + 1);
    open();
    ASSERT_EQ(store_->revision(), worlds_.back().keys.revision());
    ASSERT_EQ(store_->compacted(), worlds_.back().keys.compacted);
  }

  void transact() {
    auto txn = store_->begin();
    auto& model = working_.keys;
    model.begin();
    for (auto op = pick(6); op > 0; --op) {
      if (pick(3) > 0) {
        put(*txn, model);
      } else if (pick(2) > 0) {
        delete_range(*txn, model);
      } else {
        check_reads(*txn, model, true);
      }
      ASSERT_EQ(txn->revision(), model.revision());
    }
    dirty_ = true;
  }

  void put(write_txn& txn, store_model& model) {
    const auto k = key();
    const auto value = std::string(pick(20), static_cast<char>('a' + pick(26)));
    const lease_id lease{static_cast<std::int64_t>(pick(3)) - 1};
    const auto old = model.visit(key_range::of(k, {}), model.revision());
    const auto want = pick(2) == 0;
    const auto previous = txn.put(k, value, lease, want);
    model.put(k, value, lease);
    ASSERT_EQ(previous.has_value(), want && !old.empty());
    if (previous) {
      ASSERT_EQ(describe(*previous), describe(old.front()));
    }
  }

  void delete_range(write_txn& txn, store_model& model) {
    const auto r = pick(3) > 0 ? key_range::of(key(), {}) : range();
    std::vector<key_value> previous;
    const auto want = pick(2) == 0;
    const auto deleted = txn.delete_range(r, want ? &previous : nullptr);
    const auto expected = model.delete_range(r);
    ASSERT_EQ(deleted, static_cast<std::int64_t>(expected.size()));
    if (want)
      expect_equal(previous, expected);
  }

  template <class T>
  void expect_equal(const std::vector<T>& found, const std::vector<T>& expected) {
    std::string f;
    std::string e;
    for (const auto& x : found)
      f += describe(x) + "\n";
    for (const auto& x : expected)
      e += describe(x) + "\n";
    ASSERT_EQ(f, e);
  }

  void change_records() {
    const auto k = key();
    std::string found;
    const auto expected = working_.records.find(k);
    ASSERT_EQ(store_->get(family::auth, k, found), expected != working_.records.end());
    if (expected != working_.records.end()) {
      ASSERT_EQ(found, expected->second);
    }
    if (pick(3) > 0) {
      working_.records[k] = std::to_string(pick(1000));
      store_->put(family::auth, k, working_.records[k]);
    } else {
      working_.records.erase(k);
      store_->erase(family::auth, k);
    }
    const auto r = range();
    plain_records shown;
    store_->visit(family::auth, r.begin, r.end, [&](std::string_view k, std::string_view v) {
      shown.emplace(k, v);
      return true;
    });
    plain_records in_range;
    for (const auto& [k, v] : working_.records)
      if (r.contains(k))
        in_range.emplace(k, v);
    ASSERT_EQ(shown, in_range);
    dirty_ = true;
  }

  /// The store's own list of who has which lease says what the keys say, the open batch included.
  void check_attachments() {
    plain_records expected;
    for (const auto& kv : working_.keys.visit({"", std::nullopt}, working_.keys.revision()))
      if (kv.lease != lease_id{})
        expected.emplace(attachment_key(kv.lease, kv.key), "");
    plain_records found;
    store_->visit(family::lease, {}, std::nullopt, [&](std::string_view k, std::string_view v) {
      found.emplace(k, v);
      return true;
    });
    ASSERT_EQ(found, expected);
  }

  void compact() {
    const auto at = static_cast<std::int64_t>(pick(working_.keys.revision() + 1));
    if (at <= working_.keys.compacted || pick(3) > 0)
      return;
    store_->compact(at);
    working_.keys.compacted = at;
    dirty_ = true;
  }

  void commit() {
    const auto before = worlds_.back().keys.revision();
    const auto events = store_->commit({term_t{1}, log_index{worlds_.size()}});
    expect_equal(events, working_.keys.events(before + 1, working_.keys.revision()));
    worlds_.push_back(working_);
    dirty_ = false;
  }

  void maintain() {
    switch (pick(4)) {
    case 0:
      store_->flush();
      ASSERT_EQ(store_->flushed().index.value, worlds_.size() - 1);
      return;
    case 1:
      return store_->remove_history(pick(2) == 0);
    case 2:
      if (kind_ == engine_kind::memory)
        static_cast<storage::memory_engine&>(*engine_).flush_silently();
      return;
    default:
      for (auto slices = pick(5); slices > 0; --slices)
        store_->refine_counts(1 + pick(10));
    }
  }

  void keep_snapshot() {
    kept_ = store_->snapshot();
    kept_world_ = worlds_.back();
  }

  void check_snapshot(const mvcc::snapshot& view, const world& expected, bool fresh) {
    ASSERT_EQ(view.revision(), expected.keys.revision());
    ASSERT_EQ(view.compacted(), expected.keys.compacted);
    check_reads(view, expected.keys, fresh);
  }

  /// `fresh`: nothing that the view may read can have been removed since it was made.
  void check_reads(const source& view, const store_model& model, bool fresh) {
    const auto at = static_cast<std::int64_t>(pick(model.revision() + 2));
    const auto r = range();
    const auto k = key();
    std::optional<key_value> found;
    std::vector<key_value> shown;
    std::int64_t count = -1;
    const auto show = [&](const key_value_view& kv) {
      shown.push_back({std::string{kv.key}, std::string{kv.value}, kv.create_revision,
                       kv.mod_revision, kv.version, kv.lease});
      return true;
    };
    const auto got = view.get(k, at, found);
    const auto visited = view.visit(r, at, show);
    const auto counted = view.count(r, at, count);
    auto readable = errc::none;
    if (at > model.revision())
      readable = errc::future_revision;
    else if (at < model.compacted)
      readable = errc::compacted;
    for (const auto result : {got, visited, counted})
      if (fresh || result != errc::compacted) {
        ASSERT_EQ(result, readable) << "at " << at;
      }
    if (readable != errc::none)
      return;
    if (got == errc::none) {
      const auto expected = model.visit(key_range::of(k, {}), at);
      ASSERT_EQ(found.has_value(), !expected.empty());
      if (found) {
        ASSERT_EQ(describe(*found), describe(expected.front()));
      }
    }
    const auto expected = model.visit(r, at);
    if (visited == errc::none)
      expect_equal(shown, expected);
    if (counted == errc::none) {
      ASSERT_EQ(count, static_cast<std::int64_t>(expected.size())) << "at " << at;
    }
  }

  void check_events() {
    const auto& model = worlds_.back().keys;
    const auto first = 1 + static_cast<std::int64_t>(pick(model.revision()));
    const auto last = 1 + static_cast<std::int64_t>(pick(model.revision()));
    std::vector<event> found;
    const auto result = store_->snapshot()->visit_events(first, last, [&](event&& e) {
      found.push_back(std::move(e));
      return true;
    });
    if (first < model.compacted && first <= last) {
      ASSERT_EQ(result, errc::compacted);
    } else {
      ASSERT_EQ(result, errc::none);
    }
    if (result == errc::none)
      expect_equal(found, model.events(first, last));
  }

  const engine_kind kind_;
  std::mt19937_64 random_;
  std::unique_ptr<storage::engine_machine> machine_;
  std::unique_ptr<storage::engine> engine_;
  std::unique_ptr<store> store_;
  /// By applied index.
  std::vector<world> worlds_;
  /// With the open batch.
  world working_;
  bool dirty_ = false;
  std::unique_ptr<mvcc::snapshot> kept_;
  world kept_world_;
};

class store_model_test : public testing::TestWithParam<engine_kind> {};

TEST_P(store_model_test, random_histories_agree_with_the_model) {
  const auto rocksdb = GetParam() == engine_kind::rocksdb;
  for (std::uint64_t seed = 1; seed <= (rocksdb ? 6 : 150) && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    walk w{GetParam(), seed};
    for (int i = 0; i < (rocksdb ? 300 : 800) && !HasFatalFailure(); ++i)
      w.step();
  }
}

INSTANTIATE_TEST_SUITE_P(both, store_model_test,
                         testing::Values(engine_kind::memory, engine_kind::rocksdb),
                         [](const auto& info) { return storage::kind_name(info.param); });

} // namespace
} // namespace troupe::mvcc
