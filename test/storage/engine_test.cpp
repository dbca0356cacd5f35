// The contract of storage/engine.hpp, the same for both engines.
#include "storage/engine.hpp"
#include "test/storage/engine_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace troupe::storage {
namespace {

using found = read_view::found;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

class engine_test : public testing::TestWithParam<engine_kind> {
protected:
  engine_test() : machine(make_machine(GetParam())), store(machine->open("store")) {}

  void reopen() {
    store.reset();
    store = machine->open("store");
  }

  void crash() {
    machine->crash(std::move(store));
    store = machine->open("store");
  }

  void put_version(const std::string& key, std::int64_t at, const std::string& value) {
    auto batch = store->make_batch();
    batch->put_version(key, at, value);
    store->write(*batch);
  }

  void erase_version(const std::string& key, std::int64_t at) {
    auto batch = store->make_batch();
    batch->erase_version(key, at);
    store->write(*batch);
  }

  void put(family where, const std::string& key, const std::string& value) {
    auto batch = store->make_batch();
    batch->put(where, key, value);
    store->write(*batch);
  }

  static std::string get(const read_view& view, const std::string& key, std::int64_t at) {
    std::string value;
    switch (view.get_version(key, at, value)) {
    case found::yes:
      return value;
    case found::no:
      return "none";
    case found::below_floor:
      return "below floor";
    }
    return {};
  }

  std::string get(const std::string& key, std::int64_t at) const {
    return get(store->latest(), key, at);
  }

  static std::string get(const read_view& view, family where, const std::string& key) {
    std::string value;
    return view.get(where, key, value) ? value : "none";
  }

  std::string get(family where, const std::string& key) const {
    return get(store->latest(), where, key);
  }

  static std::vector<std::string> visit(const read_view& view, std::int64_t at,
                                        const std::string& begin = {},
                                        std::optional<std::string_view> end = {}) {
    std::vector<std::string> shown;
    const auto result =
      view.visit_versions(begin, end, at, [&](std::string_view key, std::string_view value) {
        shown.push_back(std::string{key} + "=" + std::string{value});
        return true;
      });
    if (result == found::below_floor)
      shown.push_back("below floor");
    return shown;
  }

  std::vector<std::string> visit(std::int64_t at, const std::string& begin = {},
                                 std::optional<std::string_view> end = {}) const {
    return visit(store->latest(), at, begin, end);
  }

  static std::vector<std::string> visit(const read_view& view, family where,
                                        const std::string& begin = {},
                                        std::optional<std::string_view> end = {}) {
    std::vector<std::string> shown;
    view.visit(where, begin, end, [&](std::string_view key, std::string_view value) {
      shown.push_back(std::string{key} + "=" + std::string{value});
      return true;
    });
    return shown;
  }

  std::unique_ptr<engine_machine> machine;
  std::unique_ptr<engine> store;
};

TEST_P(engine_test, a_key_has_a_version_at_each_revision) {
  put_version("a", 2, "two");
  put_version("a", 5, "five");
  erase_version("a", 7);
  EXPECT_EQ(get("a", 1), "none");
  EXPECT_EQ(get("a", 2), "two");
  EXPECT_EQ(get("a", 4), "two");
  EXPECT_EQ(get("a", 5), "five");
  EXPECT_EQ(get("a", 6), "five");
  EXPECT_EQ(get("a", 7), "none");
  EXPECT_EQ(get("a", INT64_MAX), "none");
  EXPECT_EQ(get("b", 5), "none");
}

TEST_P(engine_test, keys_are_any_bytes_in_unsigned_order) {
  put_version("a", 2, "1");
  put_version("a\0"s, 2, "2");
  put_version("a\0b"s, 2, "3");
  put_version("ab", 2, "4");
  put_version("\xff", 2, "5");
  put_version("\0"s, 2, "6");
  EXPECT_THAT(visit(2), ElementsAre("\0=6"s, "a=1", "a\0=2"s, "a\0b=3"s, "ab=4", "\xff=5"));
  EXPECT_EQ(get("a\0"s, 2), "2");
  EXPECT_EQ(get("a\0\0"s, 2), "none");
}

TEST_P(engine_test, a_visit_shows_its_range_as_of_its_revision) {
  for (const auto* key : {"a", "b", "c", "d"})
    put_version(key, 2, "old");
  put_version("b", 3, "new");
  erase_version("c", 3);
  put_version("e", 4, "late");
  EXPECT_THAT(visit(2), ElementsAre("a=old", "b=old", "c=old", "d=old"));
  EXPECT_THAT(visit(3), ElementsAre("a=old", "b=new", "d=old"));
  EXPECT_THAT(visit(4, "b", "d"), ElementsAre("b=new"));
  EXPECT_THAT(visit(4, "bb"), ElementsAre("d=old", "e=late"));
  EXPECT_THAT(visit(4, "d", "b"), IsEmpty());
  EXPECT_THAT(visit(4, "d", "d"), IsEmpty());
  EXPECT_THAT(visit(1), IsEmpty());
}

TEST_P(engine_test, a_visit_stops_when_told) {
  put_version("a", 2, "");
  put_version("b", 2, "");
  int shown = 0;
  store->latest().visit_versions({}, std::nullopt, 2, [&](auto, auto) { return ++shown < 1; });
  EXPECT_EQ(shown, 1);
}

TEST_P(engine_test, of_two_changes_of_one_version_the_later_counts) {
  auto batch = store->make_batch();
  batch->erase_version("a", 2);
  batch->put_version("a", 2, "kept");
  batch->put_version("b", 2, "lost");
  batch->erase_version("b", 2);
  batch->put(family::meta, "m", "1");
  batch->put(family::meta, "m", "2");
  store->write(*batch);
  store->flush();
  EXPECT_EQ(get("a", 2), "kept");
  EXPECT_EQ(get("b", 2), "none");
  EXPECT_EQ(get(family::meta, "m"), "2");
}

TEST_P(engine_test, plain_families_are_apart) {
  for (auto where :
       {family::events, family::lease, family::auth, family::member, family::meta, family::v2})
    put(where, "k", std::string{name(where)});
  for (auto where :
       {family::events, family::lease, family::auth, family::member, family::meta, family::v2})
    EXPECT_EQ(get(where, "k"), name(where));
  EXPECT_EQ(get("k", 10), "none");
}

TEST_P(engine_test, plain_records_are_replaced_and_erased) {
  auto batch = store->make_batch();
  for (const auto* key : {"a", "b", "c", "d", "e"})
    batch->put(family::lease, key, "1");
  store->write(*batch);
  batch->clear();
  EXPECT_TRUE(batch->empty());
  batch->put(family::lease, "a", "2");
  batch->erase(family::lease, "b");
  batch->erase_range(family::lease, "c", "e");
  batch->put(family::lease, "d", "again");
  EXPECT_FALSE(batch->empty());
  store->write(*batch);
  EXPECT_THAT(visit(store->latest(), family::lease), ElementsAre("a=2", "d=again", "e=1"));
  EXPECT_THAT(visit(store->latest(), family::lease, "b", "e"), ElementsAre("d=again"));
}

TEST_P(engine_test, a_snapshot_keeps_all_families_as_they_were) {
  put_version("a", 2, "old");
  put(family::lease, "l", "old");
  const auto before = store->snapshot();
  put_version("a", 2, "new");
  put_version("b", 2, "new");
  put(family::lease, "l", "new");
  EXPECT_EQ(get(*before, "a", 2), "old");
  EXPECT_EQ(get(*before, family::lease, "l"), "old");
  EXPECT_THAT(visit(*before, 2), ElementsAre("a=old"));
  EXPECT_THAT(visit(*before, family::lease), ElementsAre("l=old"));
  EXPECT_EQ(get("a", 2), "new");
}

TEST_P(engine_test, a_clean_close_keeps_everything) {
  put_version("a", 2, "v");
  put(family::meta, "m", "v");
  reopen();
  EXPECT_EQ(get("a", 2), "v");
  EXPECT_EQ(get(family::meta, "m"), "v");
}

TEST_P(engine_test, a_crash_goes_back_to_the_flush_in_all_families) {
  const auto write = [&](const std::string& value, std::int64_t at) {
    auto batch = store->make_batch();
    batch->put_version("a", at, value);
    for (auto where :
         {family::events, family::lease, family::auth, family::member, family::meta, family::v2})
      batch->put(where, "k", value);
    store->write(*batch);
  };
  for (std::int64_t at = 2; at < 8; ++at) {
    write("kept", at);
    store->flush();
    EXPECT_EQ(store->durable("k"), "kept");
    write("lost", at + 1);
    EXPECT_EQ(store->durable("k"), "kept");
    EXPECT_EQ(get(family::meta, "k"), "lost");
    crash();
    EXPECT_EQ(get("a", at + 1), "kept");
    for (auto where :
         {family::events, family::lease, family::auth, family::member, family::meta, family::v2})
      EXPECT_EQ(get(where, "k"), "kept") << name(where);
    EXPECT_EQ(store->durable("k"), "kept");
  }
}

TEST_P(engine_test, what_was_never_flushed_is_not_durable) {
  put(family::meta, "k", "v");
  EXPECT_EQ(store->durable("k"), std::nullopt);
  crash();
  EXPECT_EQ(get(family::meta, "k"), "none");
}

TEST_P(engine_test, reads_below_the_floor_fail_and_at_it_work) {
  put_version("a", 2, "two");
  put_version("a", 4, "four");
  put_version("b", 3, "gone");
  erase_version("b", 4);
  EXPECT_EQ(store->floor(), 0);
  store->raise_floor(4);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store->floor(), 4);
    EXPECT_EQ(get("a", 3), "below floor");
    EXPECT_EQ(get("none", 3), "below floor");
    EXPECT_THAT(visit(3), ElementsAre("below floor"));
    EXPECT_EQ(get("a", 4), "four");
    EXPECT_EQ(get("b", 4), "none");
    EXPECT_THAT(visit(4), ElementsAre("a=four"));
    store->compact(true);
  }
  store->raise_floor(3);
  EXPECT_EQ(store->floor(), 4);
}

TEST_P(engine_test, the_floor_outlives_a_crash) {
  put_version("a", 2, "two");
  put_version("a", 3, "three");
  store->flush();
  store->raise_floor(3);
  crash();
  EXPECT_EQ(store->floor(), 3);
  EXPECT_EQ(get("a", 2), "below floor");
  EXPECT_EQ(get("a", 3), "three");
}

TEST_P(engine_test, compaction_keeps_what_the_floor_and_later_revisions_see) {
  for (std::int64_t at = 2; at <= 10; ++at) {
    put_version("often", at, std::to_string(at));
    if (at == 3)
      put_version("once", at, "3");
    if (at == 4)
      put_version("deleted", at, "4");
    if (at == 5)
      erase_version("deleted", at);
    store->flush();
  }
  store->raise_floor(6);
  store->compact(true);
  EXPECT_THAT(visit(6), ElementsAre("often=6", "once=3"));
  EXPECT_THAT(visit(9), ElementsAre("often=9", "once=3"));
  put_version("deleted", 11, "again");
  reopen();
  EXPECT_THAT(visit(8), ElementsAre("often=8", "once=3"));
  EXPECT_THAT(visit(11), ElementsAre("deleted=again", "often=10", "once=3"));
}

TEST_P(engine_test, a_visit_that_began_above_the_floor_is_complete_or_refused) {
  for (int i = 0; i < 1000; ++i)
    put_version("k" + std::to_string(1000 + i), 2, "old");
  put_version("k1500", 3, "new");
  store->flush();
  int shown = 0;
  bool new_value = false;
  const auto result =
    store->latest().visit_versions({}, std::nullopt, 2, [&](auto, std::string_view value) {
      if (shown++ == 0) {
        store->raise_floor(3);
        store->compact(true);
      }
      new_value = new_value || value == "new";
      return true;
    });
  EXPECT_EQ(result, found::yes);
  EXPECT_EQ(shown, 1000);
  EXPECT_FALSE(new_value);
}

TEST_P(engine_test, events_below_the_floor_go_and_the_others_stay) {
  const auto key = [](char revision) { return std::string(7, '\0') + revision + "sub"; };
  auto batch = store->make_batch();
  for (char revision = 1; revision < 9; ++revision)
    batch->put(family::events, key(revision), "e");
  batch->erase_range(family::events, key(0), std::string(7, '\0') + char{5});
  store->write(*batch);
  store->raise_floor(5);
  store->compact(false);
  EXPECT_EQ(visit(store->latest(), family::events).size(), 4u);
  crash();
  EXPECT_EQ(visit(store->latest(), family::events).size(), 4u);
}

TEST_P(engine_test, a_checkpoint_is_a_store_of_its_own) {
  put_version("a", 2, "old");
  put_version("a", 3, "kept");
  put(family::meta, "m", "kept");
  store->raise_floor(3);
  store->checkpoint(machine->path("copy"));
  put_version("a", 4, "later");
  put(family::meta, "m", "later");
  const auto copy = machine->open("copy");
  EXPECT_EQ(get(copy->latest(), "a", 4), "kept");
  EXPECT_EQ(get(copy->latest(), "a", 2), "below floor");
  EXPECT_EQ(get(copy->latest(), family::meta, "m"), "kept");
  EXPECT_EQ(copy->durable("m"), "kept");
  EXPECT_EQ(get("a", 4), "later");
  EXPECT_THROW(store->checkpoint(machine->path("copy")), storage_error);
}

TEST_P(engine_test, sizes_grow_with_what_is_written) {
  EXPECT_EQ(store->sizes().on_disk, store->sizes().live);
  const auto before = store->sizes();
  for (int i = 0; i < 1000; ++i)
    put_version("k" + std::to_string(i), 2, std::string(1000, static_cast<char>(i)));
  EXPECT_GT(store->sizes().unflushed, before.unflushed);
  store->flush();
  const auto after = store->sizes();
  EXPECT_GT(after.on_disk, before.on_disk + 10'000);
  EXPECT_LE(after.live, after.on_disk);
  EXPECT_GE(after.versions, 1000u);
  EXPECT_LT(after.unflushed, 900'000u);
}

TEST_P(engine_test, a_store_opens_once) {
  try {
    machine->open("store");
    FAIL() << "opened twice";
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_locked) << error.what();
  }
}

TEST_P(engine_test, a_newer_format_is_refused_by_its_number) {
  put(family::meta, std::string{format_key}, "7");
  store.reset();
  try {
    machine->open("store");
    FAIL() << "opened a newer format";
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_newer);
    EXPECT_THAT(error.what(), testing::HasSubstr("format 7"));
  }
}

TEST_P(engine_test, content_without_a_format_is_foreign) {
  put_version("a", 2, "v");
  auto batch = store->make_batch();
  batch->erase(family::meta, format_key);
  store->write(*batch);
  store.reset();
  try {
    machine->open("store");
    FAIL() << "opened";
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_foreign);
  }
}

TEST_P(engine_test, a_walk_shows_each_range_as_a_visit_does) {
  std::mt19937 random{7};
  auto key_of = [](unsigned number) { return std::to_string(1000 + number); };
  for (unsigned number = 0; number < 200; number += 1 + random() % 3)
    put(family::lease, key_of(number), std::to_string(number));
  for (int round = 0; round < 50; ++round) {
    auto walk = store->latest().walk(family::lease);
    for (unsigned at = random() % 20; at < 200;) {
      auto begin = key_of(at);
      auto end = key_of(at + random() % 20);
      const std::size_t most = 1 + random() % 10;
      std::vector<std::string> expected;
      std::vector<std::string> shown;
      auto into = [&](auto& list) {
        return [&](std::string_view key, std::string_view value) {
          list.push_back(std::string{key} + "=" + std::string{value});
          return list.size() < most;
        };
      };
      store->latest().visit(family::lease, begin, end, into(expected));
      walk->visit(begin, end, into(shown));
      ASSERT_EQ(shown, expected) << "round " << round << ", from " << begin;
      // Mostly upwards, at times back to where it was, with or without a gap.
      at = random() % 8 == 0 ? at / 2 : at + random() % 25;
      if (random() % 40 == 0)
        break;
    }
  }
}

TEST_P(engine_test, a_walk_finds_its_way_through_much_that_was_erased) {
  auto key_of = [](int number) { return std::to_string(10'000 + number); };
  auto batch = store->make_batch();
  for (int number = 0; number < 3000; ++number)
    batch->put(family::lease, key_of(number), {});
  store->write(*batch);
  batch->clear();
  for (int number = 0; number < 3000; ++number)
    if (number % 1000 != 0)
      batch->erase(family::lease, key_of(number));
  store->write(*batch);
  auto walk = store->latest().walk(family::lease);
  std::vector<std::string> shown;
  auto show = [&](std::string_view key, std::string_view) {
    shown.emplace_back(key);
    return true;
  };
  walk->visit(key_of(0), key_of(500), show);
  walk->visit(key_of(500), key_of(510), show);
  walk->visit(key_of(510), key_of(2500), show);
  walk->visit(key_of(2500), key_of(3000), show);
  EXPECT_THAT(shown, ElementsAre(key_of(0), key_of(1000), key_of(2000)));
}

INSTANTIATE_TEST_SUITE_P(both, engine_test,
                         testing::Values(engine_kind::memory, engine_kind::rocksdb),
                         [](const auto& info) { return kind_name(info.param); });

} // namespace
} // namespace troupe::storage
