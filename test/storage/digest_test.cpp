// The digest of the state: kept with each change, found again by reading, the same whatever way led
// to the state.
#include "storage/mvcc/store.hpp"
#include "test/storage/engine_machine.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace troupe::mvcc {
namespace {

using storage::engine_kind;
using storage::family;

class digest_test : public testing::TestWithParam<engine_kind> {
protected:
  digest_test() : machine(storage::make_machine(GetParam())) {
    open();
  }

  void open() {
    engine = machine->open("store");
    kept = std::make_unique<store>(*engine, store_options{.head_cache_bytes = 500});
  }

  void reopen(bool crash = false) {
    kept.reset();
    if (crash)
      machine->crash(std::move(engine));
    engine.reset();
    open();
  }

  void commit() {
    kept->commit({term_t{1}, kept->applied().index + 1});
  }

  void put(const std::string& key, const std::string& value, lease_id lease = {}) {
    kept->begin()->put(key, value, lease, false);
  }

  void erase(const key_range& range) {
    kept->begin()->delete_range(range, nullptr);
  }

  /// What the store says of itself.
  state_digest digest() const {
    return kept->pin()->state().digest.value();
  }

  /// What reading it says. @param slice records per step.
  std::uint64_t read(std::int64_t at, std::size_t slice = SIZE_MAX,
                     digest_walk::scope what = digest_walk::scope::keys) const {
    auto all = kept->pin();
    digest_walk walk{all->view(), at, what};
    while (!walk.done())
      walk.step(slice);
    return walk.result();
  }

  std::unique_ptr<storage::engine_machine> machine;
  std::unique_ptr<storage::engine> engine;
  std::unique_ptr<store> kept;
};

TEST_P(digest_test, an_empty_store_hashes_to_nothing) {
  EXPECT_EQ(read(1), 0u);
  commit();
  EXPECT_EQ(digest(), state_digest{});
}

TEST_P(digest_test, what_is_kept_is_what_is_read_through_any_history) {
  std::mt19937_64 random{7};
  auto pick = [&](std::uint64_t below) { return random() % below; };
  // By revision: what was kept when it was the newest.
  std::map<std::int64_t, std::uint64_t> kept_at;
  for (int step = 0; step < 600; ++step) {
    auto key = "k" + std::to_string(pick(30));
    switch (pick(20)) {
    case 0:
      erase(key_range::of(key, "k" + std::to_string(pick(30))));
      break;
    case 1: {
      // One key three times in one revision.
      auto txn = kept->begin();
      txn->put(key, "first", {}, false);
      txn->delete_range(key_range::of(key, {}), nullptr);
      txn->put(key, "last", {}, false);
      break;
    }
    case 2:
      erase(key_range::of(key, {}));
      break;
    case 3:
      if (auto floor = kept->revision() - static_cast<std::int64_t>(pick(20));
          floor > kept->compacted())
        kept->compact(floor);
      break;
    case 4:
      commit();
      kept->remove_history(pick(2) == 0);
      break;
    case 5:
      commit();
      kept->flush();
      reopen(pick(2) == 0);
      break;
    default:
      put(key, std::string(pick(300), 'v'), {static_cast<std::int64_t>(pick(3))});
    }
    if (pick(4) != 0)
      continue;
    commit();
    kept_at[kept->revision()] = digest().keys;
    auto from = kept_at.lower_bound(kept->compacted());
    auto old = std::next(from, static_cast<std::ptrdiff_t>(pick(
                                 static_cast<std::uint64_t>(std::distance(from, kept_at.end())))));
    ASSERT_EQ(read(old->first, 1 + pick(40)), old->second) << "revision " << old->first;
    ASSERT_EQ(read(kept->revision()), digest().keys);
  }
}

TEST_P(digest_test, records_are_chained_in_their_order) {
  kept->put(family::auth, "a", "1");
  kept->put(family::auth, "b", "1");
  commit();
  auto first = digest();
  kept->put(family::auth, "b", "1");
  commit();
  EXPECT_NE(digest().records, first.records) << "it was done twice";
  EXPECT_EQ(digest().keys, first.keys);
  auto before = digest();
  kept->erase(family::auth, "a");
  commit();
  EXPECT_NE(digest().records, before.records);
  before = digest();
  put("k", "v");
  commit();
  EXPECT_EQ(digest().records, before.records);
  kept->compact(2);
  commit();
  EXPECT_NE(digest().records, before.records);
  EXPECT_NE(digest().keys, before.keys);
}

TEST_P(digest_test, everything_depends_on_every_family) {
  put("k", "v");
  commit();
  auto whole = [&](std::size_t slice) {
    return read(kept->revision(), slice, digest_walk::scope::everything);
  };
  auto before = whole(SIZE_MAX);
  EXPECT_EQ(before, whole(1)) << "how it is cut does not count";
  for (auto where : {family::lease, family::auth, family::member, family::v2, family::meta}) {
    kept->put(where, "name", "value");
    commit();
    auto now = whole(2);
    EXPECT_NE(now, before);
    before = now;
  }
}

TEST_P(digest_test, a_value_that_changed_by_itself_shows) {
  put("a", "1");
  put("b", "1");
  commit();
  ASSERT_EQ(read(3), digest().keys);
  std::string record;
  encode_version({.create_revision = 3, .mod_revision = 3, .version = 1}, "2", record);
  auto batch = engine->make_batch();
  batch->put_version("b", 3, record);
  engine->write(*batch);
  EXPECT_NE(read(3), digest().keys);
}

TEST_P(digest_test, a_store_written_without_one_gets_it_when_it_opens) {
  put("a", "1");
  put("b", "1", {4});
  commit();
  auto before = digest();
  auto state = kept->pin()->state();
  state.digest.reset();
  auto batch = engine->make_batch();
  batch->put(family::meta, state_key, encode_state(state));
  engine->write(*batch);
  reopen();
  EXPECT_FALSE(kept->pin()->state().digest) << "not before it is written";
  put("c", "1");
  commit();
  EXPECT_EQ(read(4), digest().keys);
  erase({"c", std::nullopt});
  commit();
  EXPECT_EQ(digest().keys, before.keys);
}

// On disk, and compared between members: these numbers never change.
TEST(digest, is_the_same_everywhere) {
  EXPECT_EQ(hash_of({"key", "value", 2, 5, 3, {7}}), 6653118980387444891u);
  EXPECT_EQ(short_hash(0), 1871162585u);
  state_digest digest;
  digest.put(family::lease, "key", "value");
  EXPECT_EQ(digest.records, 17886277761773183336u);
  digest.erase(family::lease, "key");
  EXPECT_EQ(digest.records, 2933620937271074946u);
  digest.compact(9);
  EXPECT_EQ(digest.records, 15364022476499260200u);
}

INSTANTIATE_TEST_SUITE_P(both, digest_test,
                         testing::Values(engine_kind::memory, engine_kind::rocksdb),
                         [](const auto& info) { return storage::kind_name(info.param); });

} // namespace
} // namespace troupe::mvcc
