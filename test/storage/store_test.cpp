// The rules of storage/mvcc/store.hpp, one by one, on both engines. store_model_test has the rest.
#include "messages/ensure.hpp"
#include "storage/mvcc/record.hpp"
#include "storage/mvcc/store.hpp"
#include "test/storage/engine_machine.hpp"
#include "test/storage/store_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::mvcc {
namespace {

using storage::engine_kind;
using storage::family;
using testing::ElementsAre;
using testing::IsEmpty;

const key_range all{"", std::nullopt};

class store_test : public testing::TestWithParam<engine_kind> {
protected:
  store_test()
      : machine(storage::make_machine(GetParam())), engine(machine->open("store")),
        kept(std::make_unique<store>(*engine)) {}

  void reopen() {
    kept.reset();
    engine.reset();
    engine = machine->open("store");
    kept = std::make_unique<store>(*engine);
  }

  void crash() {
    kept.reset();
    machine->crash(std::move(engine));
    engine = machine->open("store");
    kept = std::make_unique<store>(*engine);
  }

  void put(const std::string& key, const std::string& value) {
    kept->begin()->put(key, value, {}, false);
  }

  void erase(const std::string& key) {
    kept->begin()->delete_range(key_range::of(key, {}), nullptr);
  }

  std::vector<event> commit() {
    return kept->commit({term_t{1}, log_index{++index}});
  }

  static std::string get(const source& from, const std::string& key, std::int64_t at) {
    std::optional<key_value> found;
    const auto result = from.get(key, at, found);
    if (result != errc::none)
      return to_string(result);
    return found ? describe(*found) : "none";
  }

  std::string get(const std::string& key) const {
    const auto view = kept->snapshot();
    return get(*view, key, view->revision());
  }

  static std::vector<std::string> keys(const source& from, std::int64_t at,
                                       const key_range& range = all) {
    std::vector<std::string> shown;
    const auto result = from.visit(range, at, [&](const key_value_view& kv) {
      shown.emplace_back(kv.key);
      return true;
    });
    if (result != errc::none)
      shown.push_back(to_string(result));
    return shown;
  }

  std::vector<std::string> events(std::int64_t first, std::int64_t last) const {
    std::vector<std::string> shown;
    const auto result = kept->snapshot()->visit_events(first, last, [&](event&& e) {
      shown.push_back(describe(e));
      return true;
    });
    if (result != errc::none)
      shown.push_back(to_string(result));
    return shown;
  }

  std::unique_ptr<storage::engine_machine> machine;
  std::unique_ptr<storage::engine> engine;
  std::unique_ptr<store> kept;
  std::uint64_t index = 0;
};

TEST_P(store_test, a_fresh_store_has_revision_one_and_no_floor) {
  EXPECT_EQ(kept->revision(), 1);
  EXPECT_EQ(kept->compacted(), -1);
  EXPECT_EQ(kept->applied(), entry_id{});
  EXPECT_EQ(kept->flushed(), entry_id{});
  const auto view = kept->snapshot();
  EXPECT_EQ(view->revision(), 1);
  EXPECT_EQ(get(*view, "a", 0), "none");
  EXPECT_EQ(get(*view, "a", 2), "future revision");
}

TEST_P(store_test, a_transaction_that_changes_something_takes_one_revision) {
  {
    const auto txn = kept->begin();
    EXPECT_EQ(txn->delete_range(all, nullptr), 0);
    EXPECT_FALSE(txn->changed());
    EXPECT_EQ(txn->revision(), 1);
    txn->put("a", "1", {}, false);
    EXPECT_TRUE(txn->changed());
    EXPECT_EQ(txn->revision(), 2);
    txn->put("b", "2", lease_id{7}, false);
    EXPECT_EQ(txn->revision(), 2);
  }
  EXPECT_EQ(kept->revision(), 2);
  put("a", "1");
  EXPECT_EQ(kept->revision(), 3);
  { kept->begin(); }
  EXPECT_EQ(kept->revision(), 3);
  commit();
  EXPECT_EQ(get("a"), "a=1 c2 m3 v2 l0");
  EXPECT_EQ(get("b"), "b=2 c2 m2 v1 l7");
}

TEST_P(store_test, a_deleted_key_begins_anew) {
  put("a", "1");
  put("a", "2");
  erase("a");
  put("a", "3");
  commit();
  EXPECT_EQ(get("a"), "a=3 c5 m5 v1 l0");
  const auto view = kept->snapshot();
  EXPECT_EQ(get(*view, "a", 3), "a=2 c2 m3 v2 l0");
  EXPECT_EQ(get(*view, "a", 4), "none");
}

TEST_P(store_test, a_key_keeps_its_head_over_reopening) {
  put("a", "1");
  put("b", "1");
  erase("b");
  commit();
  reopen();
  put("a", "2");
  put("b", "2");
  commit();
  EXPECT_EQ(get("a"), "a=2 c2 m5 v2 l0");
  EXPECT_EQ(get("b"), "b=2 c6 m6 v1 l0");
}

TEST_P(store_test, nothing_shows_before_the_commit) {
  put("a", "1");
  commit();
  put("a", "2");
  put("b", "2");
  kept->put(family::lease, "7", "lease");
  const auto before = kept->snapshot();
  EXPECT_EQ(before->revision(), 2);
  EXPECT_EQ(get(*before, "a", 2), "a=1 c2 m2 v1 l0");
  EXPECT_THAT(keys(*before, 2), ElementsAre("a"));
  commit();
  EXPECT_EQ(before->revision(), 2);
  EXPECT_EQ(get(*before, "a", 2), "a=1 c2 m2 v1 l0");
  EXPECT_EQ(get(*before, "a", 3), "future revision");
  EXPECT_EQ(kept->snapshot()->revision(), 4);
}

TEST_P(store_test, the_events_of_a_batch_come_in_order_with_their_revisions) {
  {
    const auto txn = kept->begin();
    txn->put("b", "1", {}, false);
    txn->put("a", "1", {}, false);
  }
  {
    const auto txn = kept->begin();
    txn->delete_range(all, nullptr);
  }
  const auto batch = commit();
  ASSERT_EQ(batch.size(), 4u);
  EXPECT_EQ(describe(batch[0]), "2.0 put b=1 c2 m2 v1 l0");
  EXPECT_EQ(describe(batch[1]), "2.1 put a=1 c2 m2 v1 l0");
  EXPECT_EQ(describe(batch[2]), "3.0 delete a= c0 m3 v0 l0");
  EXPECT_EQ(describe(batch[3]), "3.1 delete b= c0 m3 v0 l0");
  EXPECT_THAT(commit(), IsEmpty());
}

TEST_P(store_test, history_shows_every_change_of_one_key_in_one_revision) {
  put("a", "0");
  {
    const auto txn = kept->begin();
    txn->delete_range(key_range::of("a", {}), nullptr);
    txn->put("a", "1", lease_id{5}, false);
    txn->put("b", "1", {}, false);
    txn->delete_range(all, nullptr);
    txn->put("b", "2", {}, false);
  }
  commit();
  const auto expected =
    ElementsAre("2.0 put a=0 c2 m2 v1 l0", "3.0 delete a= c0 m3 v0 l0", "3.1 put a=1 c3 m3 v1 l5",
                "3.2 put b=1 c3 m3 v1 l0", "3.3 delete a= c0 m3 v0 l0", "3.4 delete b= c0 m3 v0 l0",
                "3.5 put b=2 c3 m3 v1 l0");
  EXPECT_THAT(events(1, 3), expected);
  reopen();
  EXPECT_THAT(events(1, 3), expected);
  EXPECT_THAT(events(2, 2), ElementsAre("2.0 put a=0 c2 m2 v1 l0"));
  EXPECT_EQ(get("a"), "none");
  EXPECT_EQ(get("b"), "b=2 c3 m3 v1 l0");
}

TEST_P(store_test, plain_records_and_the_entry_are_in_the_same_batch) {
  put("a", "1");
  kept->put(family::auth, "user", "root");
  kept->put(family::meta, "membership", "m");
  commit();
  kept->flush();
  EXPECT_EQ(kept->flushed(), (entry_id{term_t{1}, log_index{1}}));
  put("a", "2");
  kept->erase(family::auth, "user");
  commit();
  EXPECT_EQ(kept->flushed().index, log_index{1});
  crash();
  EXPECT_EQ(kept->applied(), (entry_id{term_t{1}, log_index{1}}));
  EXPECT_EQ(kept->revision(), 2);
  EXPECT_EQ(get("a"), "a=1 c2 m2 v1 l0");
  std::string value;
  EXPECT_TRUE(kept->get(family::auth, "user", value));
  EXPECT_EQ(value, "root");
}

TEST_P(store_test, an_uncommitted_batch_is_lost_with_the_store) {
  put("a", "1");
  commit();
  put("b", "1");
  reopen();
  EXPECT_EQ(kept->revision(), 2);
  EXPECT_EQ(get("b"), "none");
}

TEST_P(store_test, compaction_keeps_its_revision_readable_and_nothing_below) {
  put("a", "1");
  put("a", "2");
  erase("a");
  put("b", "1");
  commit();
  kept->compact(4);
  commit();
  for (int round = 0; round < 2; ++round) {
    const auto view = kept->snapshot();
    EXPECT_EQ(view->compacted(), 4);
    EXPECT_EQ(view->revision(), 5);
    EXPECT_EQ(get(*view, "a", 3), "compacted");
    EXPECT_THAT(keys(*view, 3), ElementsAre("compacted"));
    EXPECT_EQ(get(*view, "a", 4), "none");
    EXPECT_THAT(keys(*view, 5), ElementsAre("b"));
    EXPECT_THAT(events(3, 5), ElementsAre("compacted"));
    // The deletion at the floor itself is still history (etcd #18089).
    EXPECT_THAT(events(4, 5), ElementsAre("4.0 delete a= c0 m4 v0 l0", "5.0 put b=1 c5 m5 v1 l0"));
    EXPECT_EQ(kept->history_to_remove(), round == 0);
    kept->remove_history(true);
  }
}

TEST_P(store_test, the_first_compaction_may_be_at_zero) {
  kept->compact(0);
  commit();
  EXPECT_EQ(kept->compacted(), 0);
  kept->compact(1);
  commit();
  EXPECT_EQ(kept->compacted(), 1);
  EXPECT_THROW(kept->compact(1), invariant_error);
  EXPECT_THROW(kept->compact(2), invariant_error);
}

TEST_P(store_test, a_floor_counts_within_its_batch_and_for_snapshots_after_it) {
  put("a", "1");
  put("a", "2");
  commit();
  const auto before = kept->snapshot();
  kept->compact(3);
  EXPECT_EQ(get(*kept->begin(), "a", 2), "compacted");
  EXPECT_EQ(kept->snapshot()->compacted(), -1);
  commit();
  EXPECT_EQ(kept->snapshot()->compacted(), 3);
  EXPECT_EQ(get(*before, "a", 2), "a=1 c2 m2 v1 l0");
  kept->remove_history(true);
  EXPECT_EQ(get(*before, "a", 2), "compacted");
  EXPECT_EQ(get(*before, "a", 3), "a=2 c2 m3 v2 l0");
}

TEST_P(store_test, the_engine_floor_never_passes_what_a_crash_keeps) {
  put("a", "1");
  put("a", "2");
  commit();
  kept->flush();
  kept->compact(3);
  commit();
  EXPECT_EQ(engine->floor(), 0);
  crash();
  // The entry of the compaction is to be replayed, and whatever stands before it in the log must
  // find the revisions that it found the first time.
  EXPECT_EQ(kept->compacted(), -1);
  EXPECT_EQ(get(*kept->snapshot(), "a", 2), "a=1 c2 m2 v1 l0");
  kept->compact(3);
  commit();
  kept->flush();
  crash();
  EXPECT_EQ(kept->compacted(), 3);
  EXPECT_TRUE(kept->history_to_remove());
  kept->remove_history(false);
  EXPECT_FALSE(kept->history_to_remove());
  EXPECT_EQ(engine->floor(), 3);
  crash();
  EXPECT_EQ(kept->compacted(), 3);
  EXPECT_EQ(get("a"), "a=2 c2 m3 v2 l0");
}

TEST_P(store_test, removal_takes_old_versions_off_the_disk) {
  for (int i = 0; i < 200; ++i) {
    put("a", std::string(10'000, static_cast<char>('a' + i % 26)) + std::to_string(i));
    commit();
  }
  kept->flush();
  const auto before = engine->sizes();
  kept->compact(kept->revision());
  commit();
  kept->remove_history(false);
  EXPECT_LT(engine->sizes().on_disk, before.on_disk);
  EXPECT_LT(engine->sizes().versions, 10u);
  EXPECT_EQ(kept->revision(), 201);
}

TEST_P(store_test, counts_agree_before_and_after_the_index_knows) {
  for (int i = 0; i < 3000; ++i)
    put("k" + std::to_string(10'000 + i), "");
  commit();
  reopen();
  const auto count = [&](const std::string& begin, const std::string& end) {
    std::int64_t keys = -1;
    const auto view = kept->snapshot();
    EXPECT_EQ(view->count({begin, end}, view->revision(), keys), errc::none);
    return keys;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(count("k", "l"), 3000);
    EXPECT_EQ(count("k10100", "k12100"), 2000);
    EXPECT_EQ(count("k101005", "k12100"), 1999);
    EXPECT_EQ(count("k12100", "k10100"), 0);
    EXPECT_EQ(count("k12100", "k12101"), 1);
    EXPECT_EQ(count("", "k"), 0);
    while (kept->refine_counts(100)) {
    }
  }
}

TEST_P(store_test, one_transaction_at_a_time) {
  const auto txn = kept->begin();
  EXPECT_THROW(kept->begin(), invariant_error);
  EXPECT_THROW(commit(), invariant_error);
  EXPECT_THROW(kept->compact(1), invariant_error);
}

TEST_P(store_test, the_stores_own_records_are_taken) {
  EXPECT_THROW(kept->put(family::meta, state_key, ""), invariant_error);
  EXPECT_THROW(kept->erase(family::meta, storage::format_key), invariant_error);
  EXPECT_THROW(kept->put(family::data, "a", ""), invariant_error);
}

TEST_P(store_test, unreadable_records_are_damage) {
  auto batch = engine->make_batch();
  batch->put_version("a", 2, "\x80");
  batch->put(family::meta, state_key, encode_state({.revision = 2, .digest = state_digest{}}));
  engine->write(*batch);
  kept = std::make_unique<store>(*engine);
  try {
    get("a");
    FAIL() << "read";
  } catch (const storage::storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_damaged);
  }
  batch->put(family::meta, state_key, "short");
  engine->write(*batch);
  EXPECT_THROW(store{*engine}, storage::storage_error);
}

INSTANTIATE_TEST_SUITE_P(both, store_test,
                         testing::Values(engine_kind::memory, engine_kind::rocksdb),
                         [](const auto& info) { return storage::kind_name(info.param); });

} // namespace
} // namespace troupe::mvcc
