// Backups of random histories, restored into either engine, say the same as the store they came
// from, at every revision that it could read. A failure names its seed.
#include "messages/proto/record.pb.h"
#include "storage/mvcc/lease_key.hpp"
#include "test/storage/backup_file.hpp"
#include "test/storage/engine_machine.hpp"
#include "test/storage/store_model.hpp"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>

namespace troupe::backup {
namespace {

using mvcc::key_range;
using mvcc::store_model;
using storage::engine_kind;
using storage::family;
using namespace std::string_literals;

const key_range everything{"", std::nullopt};

/// A store with a history, and the same in a model.
class subject {
public:
  subject(engine_kind kind, std::uint64_t seed)
      : random_(seed), machine_(storage::make_machine(kind)), engine_(machine_->open()),
        store_(std::make_unique<mvcc::store>(*engine_)) {}

  void live(int entries) {
    for (; entries > 0; --entries)
      entry();
  }

  void compact(std::int64_t at) {
    store_->compact(at);
    model.compacted = at;
    commit();
  }

  mvcc::store& store() {
    return *store_;
  }

  store_model model;
  std::map<std::string, std::string> users;
  std::map<std::int64_t, std::int64_t> leases;

private:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_);
  }

  std::string key() {
    static const std::vector<std::string> special{"\0"s, "a\0a"s, "\xff"s, std::string(300, 'k')};
    const auto n = pick(12);
    return n < special.size() ? special[n] : "k" + std::to_string(n);
  }

  void entry() {
    switch (pick(12)) {
    case 0:
      return grant();
    case 1:
      users[key()] = std::to_string(pick(100));
      store_->put(family::auth, users.begin()->first, users.begin()->second);
      return commit();
    case 2:
      if (const auto at = static_cast<std::int64_t>(pick(model.revision() + 1));
          at > model.compacted && pick(3) == 0)
        return compact(at);
      return;
    case 3:
      return store_->remove_history(pick(2) == 0);
    default:
      return transact();
    }
  }

  void grant() {
    const auto id = static_cast<std::int64_t>(pick(5)) - 2;
    troupe::record::LeaseRecord lease;
    lease.set_id(id);
    lease.set_ttl_seconds(600);
    lease.set_remaining_ttl_seconds(static_cast<std::int64_t>(pick(600)));
    lease.set_granted_at(17);
    leases[id] = lease.remaining_ttl_seconds();
    store_->put(family::lease, mvcc::lease_key({id}), lease.SerializeAsString());
    commit();
  }

  void transact() {
    auto txn = store_->begin();
    model.begin();
    for (auto op = 1 + pick(4); op > 0; --op) {
      const auto k = key();
      if (pick(3) > 0) {
        const auto value = std::string(pick(40), static_cast<char>('a' + pick(26)));
        const lease_id lease{static_cast<std::int64_t>(pick(3)) - 1};
        txn->put(k, value, lease, false);
        model.put(k, value, lease);
      } else {
        const auto range = pick(2) ? key_range::of(k, {}) : key_range::of(k, key());
        txn->delete_range(range, nullptr);
        model.delete_range(range);
      }
    }
    txn.reset();
    commit();
  }

  void commit() {
    store_->commit({{3}, {++applied_}});
  }

  std::mt19937_64 random_;
  std::unique_ptr<storage::engine_machine> machine_;
  std::unique_ptr<storage::engine> engine_;
  std::unique_ptr<mvcc::store> store_;
  std::uint64_t applied_ = 0;
};

/// What a backup was restored to.
class restored {
public:
  restored(engine_kind kind, std::string_view file, const restore_rules& rules = {})
      : machine_(storage::make_machine(kind)), engine_(machine_->open()) {
    backup_reader reader{"the file", source_of(file)};
    end = restore_state(reader, *engine_, rules);
    reopen(rules.batch_bytes % 2 == 0);
  }

  void reopen(bool by_crash) {
    store_.reset();
    if (by_crash)
      machine_->crash(std::move(engine_));
    engine_.reset();
    engine_ = machine_->open();
    store_ = std::make_unique<mvcc::store>(*engine_);
  }

  mvcc::store& store() {
    return *store_;
  }

  restored_state end;

private:
  std::unique_ptr<storage::engine_machine> machine_;
  std::unique_ptr<storage::engine> engine_;
  std::unique_ptr<mvcc::store> store_;
};

std::string text(const std::vector<mvcc::key_value>& all) {
  std::string out;
  for (const auto& kv : all)
    out += describe(kv) + "\n";
  return out;
}

std::string text(const std::vector<mvcc::event>& all) {
  std::string out;
  for (const auto& e : all)
    out += describe(e) + "\n";
  return out;
}

std::string read_at(const mvcc::source& from, std::int64_t at, errc expected = errc::none) {
  std::vector<mvcc::key_value> all;
  EXPECT_EQ(from.visit(everything, at,
                       [&](const mvcc::key_value_view& kv) {
                         all.push_back({std::string{kv.key}, std::string{kv.value},
                                        kv.create_revision, kv.mod_revision, kv.version, kv.lease});
                         return true;
                       }),
            expected)
    << "at " << at;
  return text(all);
}

std::string events_of(const mvcc::snapshot& from, std::int64_t first, std::int64_t last) {
  std::vector<mvcc::event> all;
  EXPECT_EQ(from.visit_events(first, last,
                              [&](mvcc::event&& e) {
                                all.push_back(std::move(e));
                                return true;
                              }),
            errc::none);
  return text(all);
}

void expect_history(mvcc::store& store, const store_model& model) {
  const auto now = store.snapshot();
  ASSERT_EQ(now->revision(), model.revision());
  ASSERT_EQ(now->compacted(), model.compacted);
  const auto floor = std::max<std::int64_t>(model.compacted, 0);
  for (auto at = floor; at <= model.revision(); ++at)
    ASSERT_EQ(read_at(*now, at), text(model.visit(everything, at))) << "at " << at;
  if (floor > 0)
    read_at(*now, floor - 1, errc::compacted);
  const auto first = std::max<std::int64_t>(floor, 1);
  EXPECT_EQ(events_of(*now, first, model.revision()), text(model.events(first, model.revision())));
}

/// The members of the old cluster and the entries of its log are nobody's any more.
void expect_records(mvcc::store& store, subject& of) {
  std::map<std::string, std::string> users;
  store.visit(family::auth, {}, std::nullopt,
              [&](auto key, auto value) { return users.emplace(key, value), true; });
  std::map<std::string, std::string> expected;
  of.store().visit(family::auth, {}, std::nullopt,
                   [&](auto key, auto value) { return expected.emplace(key, value), true; });
  EXPECT_EQ(users, expected);
  std::map<std::int64_t, std::int64_t> leases;
  const auto range = mvcc::all_lease_keys();
  store.visit(family::lease, range.begin, range.end, [&](auto, std::string_view bytes) {
    troupe::record::LeaseRecord lease;
    EXPECT_TRUE(lease.ParseFromString(std::string{bytes}));
    EXPECT_EQ(lease.granted_at(), 0u);
    EXPECT_EQ(lease.ttl_seconds(), 600);
    leases[lease.id()] = lease.remaining_ttl_seconds();
    return true;
  });
  EXPECT_EQ(leases, of.leases);
}

void expect_attachments(mvcc::store& store, const store_model& model) {
  std::vector<std::string> expected;
  for (const auto& kv : model.visit(everything, model.revision()))
    if (kv.lease != lease_id{})
      expected.push_back(mvcc::attachment_key(kv.lease, kv.key));
  std::ranges::sort(expected);
  std::vector<std::string> found;
  store.visit(family::lease, {}, std::nullopt, [&](std::string_view key, std::string_view) {
    if (mvcc::is_attachment(key))
      found.emplace_back(key);
    return true;
  });
  EXPECT_EQ(found, expected);
}

class backup_test : public testing::TestWithParam<engine_kind> {};

TEST_P(backup_test, restored_history_is_that_of_the_backup) {
  const bool rocksdb = GetParam() == engine_kind::rocksdb;
  for (std::uint64_t seed = 1; seed <= (rocksdb ? 5 : 60) && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    subject before{GetParam(), seed};
    before.live(static_cast<int>(10 + seed % 7 * 25));
    const auto file = take_backup(before.store().pin(), 1 + seed * 37 % 3000);
    EXPECT_EQ(file.size() % file_alignment, sha256_bytes);
    // Also to the other engine: the file is of neither.
    const auto to = seed % 2 ? GetParam() : engine_kind::memory;
    restored after{to, file, {.batch_bytes = 1 + seed * 91 % 5000}};
    expect_history(after.store(), before.model);
    expect_records(after.store(), before);
    expect_attachments(after.store(), before.model);
    EXPECT_EQ(after.store().applied(), entry_id{});
    EXPECT_FALSE(after.store().history_to_remove());
  }
}

TEST_P(backup_test, restored_store_goes_on) {
  subject before{GetParam(), 3};
  before.live(60);
  const auto file = take_backup(before.store().pin(), 400);
  restored after{GetParam(), file};
  auto& store = after.store();
  auto& model = before.model;
  for (int i = 0; i < 20; ++i) {
    auto txn = store.begin();
    model.begin();
    txn->delete_range(key_range::of("k4", "k9"), nullptr);
    model.delete_range(key_range::of("k4", "k9"));
    txn->put("k" + std::to_string(i), "new", {}, false);
    model.put("k" + std::to_string(i), "new", {});
    txn.reset();
    store.commit({{1}, {static_cast<std::uint64_t>(i) + 2}});
  }
  expect_history(store, model);
  store.compact(model.revision() - 5);
  store.commit({{1}, {100}});
  model.compacted = model.revision() - 5;
  store.remove_history(true);
  expect_history(store, model);
  after.reopen(true);
  expect_history(after.store(), model);
}

TEST_P(backup_test, raised_floor_takes_nothing_from_a_backup_under_way) {
  subject before{GetParam(), 5};
  before.live(80);
  const auto whole = take_backup(before.store().pin(), 100);
  auto model = before.model;
  backup_writer writer{before.store().pin(), {{7}, {8}, 1'700'000'000}, 100};
  std::string file;
  for (int i = 0; writer.next(file), !writer.done(); ++i) {
    before.live(3);
    const auto& store = before.store();
    if (i % 3 == 0 && store.compacted() < store.revision()) {
      before.compact(store.revision());
      before.store().remove_history(true);
      EXPECT_FALSE(store.history_to_remove()) << "what is pinned is not due";
    }
  }
  file += writer.digest();
  EXPECT_EQ(file, whole);
  EXPECT_TRUE(before.store().history_to_remove());
  before.store().remove_history(true);
  EXPECT_FALSE(before.store().history_to_remove());
  restored after{GetParam(), file};
  expect_history(after.store(), model);
}

// Also what a sanitizer of threads should see (checklist 39).
TEST_P(backup_test, backups_beside_writes_compactions_and_reads) {
  const auto machine = storage::make_machine(GetParam());
  const auto engine = machine->open();
  mvcc::store store{*engine};
  std::atomic<bool> stop = false;
  std::thread applier{[&] {
    for (std::uint64_t n = 1; !stop; ++n) {
      auto txn = store.begin();
      for (const auto* key : {"a", "b"})
        txn->put(key, std::to_string(n), {}, false);
      txn.reset();
      if (n % 10 == 0 && store.revision() - 5 > store.compacted())
        store.compact(store.revision() - 5);
      store.commit({{1}, {n}});
      if (n % 500 == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }};
  std::thread keeper{[&] {
    while (!stop)
      store.remove_history(true);
  }};
  for (int round = 0; round < 12; ++round) {
    backup_writer writer{store.pin(), {{7}, {8}, 0}, 50};
    std::string file;
    while (!writer.done())
      writer.next(file);
    file += writer.digest();
    restored after{engine_kind::memory, file};
    const auto now = after.store().snapshot();
    for (auto at = std::max<std::int64_t>(now->compacted(), 0); at <= now->revision(); ++at) {
      std::optional<mvcc::key_value> a;
      std::optional<mvcc::key_value> b;
      ASSERT_EQ(now->get("a", at, a), errc::none);
      ASSERT_EQ(now->get("b", at, b), errc::none);
      ASSERT_EQ(a ? a->value : "", b ? b->value : "") << "at " << at;
      if (at > 1) {
        ASSERT_TRUE(a);
        EXPECT_EQ(a->value, std::to_string(at - 1));
      }
    }
  }
  stop = true;
  applier.join();
  keeper.join();
}

TEST_P(backup_test, raised_revision_leaves_room_for_what_the_backup_misses) {
  subject before{GetParam(), 11};
  before.live(60);
  const auto file = take_backup(before.store().pin(), 400);
  const auto& model = before.model;
  restored after{GetParam(), file, {.bump_revision = 1'000'000, .mark_compacted = true}};
  const auto raised = model.revision() + 1'000'000;
  EXPECT_EQ(after.end.revision, raised);
  EXPECT_EQ(after.end.compacted, raised);
  auto& store = after.store();
  const auto now = store.snapshot();
  EXPECT_EQ(read_at(*now, raised), text(model.visit(everything, model.revision())))
    << "the keys are as they were";
  for (const auto old : {std::int64_t{2}, model.revision(), raised - 1})
    read_at(*now, old, errc::compacted);
  EXPECT_EQ(now->visit_events(model.revision(), raised, [](auto&&) { return true; }),
            errc::compacted)
    << "a watcher of the old cluster is told that it missed something";
  expect_attachments(store, model);
  auto txn = store.begin();
  txn->put("k5", "after", {}, false);
  EXPECT_EQ(txn->revision(), raised + 1);
  txn.reset();
  store.commit({{1}, {2}});
  EXPECT_EQ(events_of(*store.snapshot(), raised, raised + 1).empty(), false);
}

TEST_P(backup_test, empty_store_has_a_backup_too) {
  subject before{GetParam(), 1};
  restored after{GetParam(), take_backup(before.store().pin(), 100)};
  expect_history(after.store(), before.model);
}

TEST_P(backup_test, restore_wants_an_empty_engine) {
  subject before{GetParam(), 2};
  before.live(20);
  const auto file = take_backup(before.store().pin(), 100);
  const auto machine = storage::make_machine(GetParam());
  const auto engine = machine->open();
  backup_reader first{"the file", source_of(file)};
  restore_state(first, *engine);
  backup_reader second{"the file", source_of(file)};
  EXPECT_THROW(restore_state(second, *engine), storage::storage_error);
}

INSTANTIATE_TEST_SUITE_P(both, backup_test,
                         testing::Values(engine_kind::memory, engine_kind::rocksdb),
                         [](const auto& info) { return storage::kind_name(info.param); });

} // namespace
} // namespace troupe::backup
