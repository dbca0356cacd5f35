// Section 2 of etcd's API: Range. Also 1.1, how ranges are addressed.

#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::read {
namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using test::parse;

class range_test : public test::kv_fixture {
protected:
  void put_all(const std::vector<std::pair<std::string, std::string>>& keys) {
    for (const auto& [key, value] : keys)
      put(R"(key: ")" + key + R"(" value: ")" + value + R"(")");
  }

  /// The keys of an answer with a blank after each, then "more" if set and the count.
  std::string keys(const std::string& text) {
    RangeResponse response;
    auto error = evaluate(*backend->snapshot(), parse<RangeRequest>(text), response);
    if (error != errc::none)
      return to_string(error);
    std::string all;
    for (const auto& kv : response.kvs())
      all += kv.key() + " ";
    return all + (response.more() ? "more " : "") + "of " + std::to_string(response.count());
  }
};

INSTANTIATE_KV_TESTS(range_test);

// ---- Addressing

TEST_P(range_test, empty_range_end_is_the_key_alone) {
  put_all({{"a", "1"}, {"aa", "2"}});
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 3 } kvs { key: "a" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 value: "1" } count: 1)");
}

TEST_P(range_test, a_range_excludes_its_end) {
  put_all({{"a", ""}, {"b", ""}, {"c", ""}});
  EXPECT_EQ(keys(R"(key: "a" range_end: "c")"), "a b of 2");
  EXPECT_EQ(keys(R"(key: "a" range_end: "a\000")"), "a of 1");
}

TEST_P(range_test, a_zero_byte_as_end_is_from_key_on) {
  put_all({{"a", ""}, {"b", ""}, {"\\377", ""}});
  EXPECT_EQ(keys(R"(key: "b" range_end: "\000")"), "b \xff of 2");
  EXPECT_EQ(keys(R"(key: "\000" range_end: "\000")"), "a b \xff of 3");
}

TEST_P(range_test, a_reversed_range_is_empty) {
  put_all({{"a", ""}, {"b", ""}});
  EXPECT_EQ(range(R"(key: "b" range_end: "a")"), "header { revision: 3 }");
  EXPECT_EQ(range(R"(key: "b" range_end: "b")"), "header { revision: 3 }");
  EXPECT_EQ(range(R"(key: "b" range_end: "a" revision: 9)"), "error: future revision");
}

TEST_P(range_test, keys_are_ordered_as_unsigned_bytes) {
  put_all({{"\\200", ""}, {"z", ""}, {"\\001", ""}, {"a\\000", ""}, {"a", ""}});
  EXPECT_EQ(keys(R"(key: "\000" range_end: "\000")"), std::string("\x01 a a\0 z \x80 of 5", 15));
}

// ---- Revisions

TEST_P(range_test, a_store_never_written_has_revision_1) {
  EXPECT_EQ(range(R"(key: "a")"), "header { revision: 1 }");
  EXPECT_EQ(range(R"(key: "a" revision: 1)"), "header { revision: 1 }");
  EXPECT_EQ(range(R"(key: "a" revision: 2)"), "error: future revision");
}

TEST_P(range_test, an_older_revision_shows_the_keys_of_then_and_the_header_of_now) {
  put_all({{"a", "1"}, {"b", "1"}, {"a", "2"}});
  delete_range(R"(key: "b")");
  EXPECT_EQ(range(R"(key: "a" range_end: "c" revision: 3)"),
            R"(header { revision: 5 } kvs { key: "a" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 value: "1" } kvs { key: "b" create_revision: 3 mod_revision: 3 )"
            R"(version: 1 value: "1" } count: 2)");
  EXPECT_EQ(keys(R"(key: "a" range_end: "c" revision: 2)"), "a of 1");
  EXPECT_EQ(keys(R"(key: "a" range_end: "c")"), "a of 1");
  EXPECT_EQ(keys(R"(key: "b" revision: 4)"), "b of 1");
  EXPECT_EQ(keys(R"(key: "b" revision: 5)"), "of 0");
}

TEST_P(range_test, zero_and_negative_revisions_mean_now) {
  put_all({{"a", "1"}, {"a", "2"}});
  auto now = range(R"(key: "a")");
  EXPECT_EQ(range(R"(key: "a" revision: -1)"), now);
  EXPECT_EQ(range(R"(key: "a" revision: -9223372036854775808)"), now);
}

TEST_P(range_test, compacted_revisions_fail_and_the_compacted_one_is_readable) {
  put_all({{"a", "1"}, {"a", "2"}, {"a", "3"}});
  ASSERT_EQ(compact(3), "none");
  EXPECT_EQ(keys(R"(key: "a" revision: 3)"), "a of 1");
  for (const auto* shape : {"", R"(range_end: "b")", "count_only: true", R"(range_end: "A")"}) {
    EXPECT_EQ(range(R"(key: "a" revision: 2 )" + std::string{shape}), "error: compacted");
    EXPECT_EQ(range(R"(key: "a" revision: 5 )" + std::string{shape}), "error: future revision");
  }
  EXPECT_EQ(keys(R"(key: "a" revision: -1)"), "a of 1");
}

// ---- limit, more, count

TEST_P(range_test, the_limit_cuts_and_says_more) {
  put_all({{"a", ""}, {"b", ""}, {"c", ""}});
  const std::string all = R"(key: "a" range_end: "z" )";
  EXPECT_EQ(keys(all + "limit: 1"), "a more of 3");
  EXPECT_EQ(keys(all + "limit: 2"), "a b more of 3");
  EXPECT_EQ(keys(all + "limit: 3"), "a b c of 3");
  EXPECT_EQ(keys(all + "limit: 4"), "a b c of 3");
  EXPECT_EQ(keys(all + "limit: 0"), "a b c of 3");
  EXPECT_EQ(keys(all + "limit: -1"), "a b c of 3");
  EXPECT_EQ(keys(all + "limit: 9223372036854775807"), "a b c of 3");
  EXPECT_EQ(keys(R"(key: "a" limit: 1)"), "a of 1");
}

TEST_P(range_test, count_ignores_limit_and_bounds) {
  put_all({{"a", ""}, {"b", ""}, {"c", ""}});
  const std::string all = R"(key: "a" range_end: "z" )";
  EXPECT_EQ(keys(all + "min_mod_revision: 3"), "b c of 3");
  EXPECT_EQ(keys(all + "min_mod_revision: 3 limit: 1"), "b more of 3");
  EXPECT_EQ(keys(all + "min_mod_revision: 4 limit: 1"), "c of 3");
  EXPECT_EQ(keys(all + "limit: 1 revision: 3"), "a more of 2");
  EXPECT_EQ(keys(R"(key: "a" min_mod_revision: 3)"), "of 1");
}

TEST_P(range_test, count_only_gives_the_count_and_nothing_else) {
  put_all({{"a", ""}, {"b", ""}, {"c", ""}});
  EXPECT_EQ(range(R"(key: "a" range_end: "z" count_only: true limit: 1 sort_order: DESCEND
                     min_mod_revision: 9)"),
            "header { revision: 4 } count: 3");
  EXPECT_EQ(range(R"(key: "a" count_only: true)"), "header { revision: 4 } count: 1");
  EXPECT_EQ(range(R"(key: "x" count_only: true)"), "header { revision: 4 }");
  EXPECT_EQ(range(R"(key: "a" range_end: "z" count_only: true revision: 2)"),
            "header { revision: 4 } count: 1");
}

TEST_P(range_test, keys_only_leaves_out_the_value_and_nothing_else) {
  leases.ids = {7};
  put(R"(key: "a" value: "v" lease: 7)");
  const std::string one =
    R"(kvs { key: "a" create_revision: 2 mod_revision: 2 version: 1 lease: 7 })";
  for (const auto* shape :
       {"", R"(range_end: "b")", R"(range_end: "b" sort_target: VALUE sort_order: DESCEND)"}) {
    EXPECT_EQ(range(R"(key: "a" keys_only: true )" + std::string{shape}),
              "header { revision: 2 } " + one + " count: 1");
  }
}

TEST_P(range_test, nothing_found_is_no_error) {
  EXPECT_EQ(range(R"(key: "a" range_end: "b" limit: 1 sort_order: DESCEND)"),
            "header { revision: 1 }");
}

// ---- Bounds

TEST_P(range_test, bounds_are_inclusive_and_all_must_hold) {
  put_all({{"a", ""}, {"b", ""}, {"c", ""}, {"a", ""}}); // a: create 2, mod 5; b: 3; c: 4
  const std::string all = R"(key: "a" range_end: "z" )";
  EXPECT_EQ(keys(all + "min_mod_revision: 4"), "a c of 3");
  EXPECT_EQ(keys(all + "max_mod_revision: 4"), "b c of 3");
  EXPECT_EQ(keys(all + "min_create_revision: 3"), "b c of 3");
  EXPECT_EQ(keys(all + "max_create_revision: 3"), "a b of 3");
  EXPECT_EQ(keys(all + "min_mod_revision: 4 max_create_revision: 3"), "a of 3");
  EXPECT_EQ(keys(all + "min_mod_revision: 6"), "of 3");
  EXPECT_EQ(keys(all + "min_mod_revision: -1"), "a b c of 3");
  EXPECT_EQ(keys(all + "max_mod_revision: -1"), "of 3") << "below every revision";
}

// ---- Order

TEST_P(range_test, every_target_sorts_both_ways) {
  put_all({{"a", "3"}, {"b", "1"}, {"c", "2"}, {"b", "1"}, {"a", "3"}, {"a", "3"}});
  // version: a 3, b 2, c 1; create: a 2, b 3, c 4; mod: a 7, b 5, c 4; value: a 3, b 1, c 2
  auto sorted = [this](const std::string& target, const std::string& order) {
    return keys(R"(key: "a" range_end: "z" sort_target: )" + target + " sort_order: " + order);
  };
  const std::vector<std::tuple<std::string, std::string, std::string>> expected{
    {"KEY", "a b c of 3", "c b a of 3"},    {"VERSION", "c b a of 3", "a b c of 3"},
    {"CREATE", "a b c of 3", "c b a of 3"}, {"MOD", "c b a of 3", "a b c of 3"},
    {"VALUE", "b c a of 3", "a c b of 3"},
  };
  for (const auto& [target, ascending, descending] : expected) {
    EXPECT_EQ(sorted(target, "ASCEND"), ascending) << target;
    EXPECT_EQ(sorted(target, "NONE"), ascending) << target;
    EXPECT_EQ(sorted(target, "DESCEND"), descending) << target;
  }
}

TEST_P(range_test, the_limit_applies_after_bounds_and_order) {
  put_all({{"a", "3"}, {"b", "1"}, {"c", "2"}, {"d", "0"}});
  const std::string all = R"(key: "a" range_end: "z" )";
  EXPECT_EQ(keys(all + "limit: 2 sort_order: DESCEND"), "d c more of 4");
  EXPECT_EQ(keys(all + "limit: 2 sort_order: ASCEND"), "a b more of 4");
  EXPECT_EQ(keys(all + "limit: 2 sort_order: ASCEND sort_target: VALUE"), "d b more of 4");
  EXPECT_EQ(keys(all + "limit: 2 sort_order: DESCEND sort_target: VALUE max_mod_revision: 4"),
            "a c more of 4");
  EXPECT_EQ(keys(all + "limit: 4 sort_order: DESCEND"), "d c b a of 4");
}

TEST_P(range_test, a_target_without_order_sorts_only_what_the_limit_let_through) {
  // As etcd: the first limit + 1 keys are read, then sorted, then cut.
  put_all({{"a", "3"}, {"b", "2"}, {"c", "1"}, {"d", "0"}});
  const std::string all = R"(key: "a" range_end: "z" sort_target: VALUE )";
  EXPECT_EQ(keys(all + "limit: 2"), "c b more of 4");
  EXPECT_EQ(keys(all + "limit: 3"), "d c b more of 4");
  EXPECT_EQ(keys(all + "limit: 4"), "d c b a of 4");
  EXPECT_EQ(keys(all + "limit: 2 min_mod_revision: 1"), "d c more of 4")
    << "with bounds everything is read";
}

TEST_P(range_test, keys_only_still_sorts_by_the_real_value) {
  put_all({{"a", "2"}, {"b", "1"}});
  EXPECT_EQ(keys(R"(key: "a" range_end: "z" keys_only: true sort_target: VALUE)"), "b a of 2");
}

TEST_P(range_test, values_sort_as_unsigned_bytes) {
  put_all({{"a", "\\200"}, {"b", "z"}, {"c", ""}});
  EXPECT_EQ(keys(R"(key: "a" range_end: "z" sort_target: VALUE)"), "c b a of 3");
}

TEST_P(range_test, a_limited_sort_of_many_keys_gives_the_first_ones) {
  // More keys than a limited sort keeps in hand: key i has value (i * 7919) mod 10007.
  auto transaction = backend->begin();
  for (int i = 0; i < 10'007; ++i) {
    char key[16];
    char value[16];
    std::snprintf(key, sizeof key, "k%05d", i);
    std::snprintf(value, sizeof value, "%05d", i * 7919 % 10'007);
    transaction->put(key, value, {}, false);
  }
  transaction.reset();
  backend->commit();
  for (bool descending : {false, true}) {
    RangeRequest request = parse<RangeRequest>(
      R"(key: "k" range_end: "l" limit: 100 sort_order: ASCEND sort_target: VALUE)");
    if (descending)
      request.set_sort_order(RangeRequest::DESCEND);
    RangeResponse response;
    ASSERT_EQ(evaluate(*backend->snapshot(), request, response), errc::none);
    ASSERT_EQ(response.kvs_size(), 100);
    EXPECT_TRUE(response.more());
    EXPECT_EQ(response.count(), 10'007);
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(std::stoi(response.kvs(i).value()), descending ? 10'006 - i : i);
  }
}

// ---- Cost

class range_cost : public testing::Test {
protected:
  range_cost() {
    test::model_txn transaction{state_};
    for (char key = 'a'; key <= 'z'; ++key)
      transaction.put(std::string{key}, "v", {}, false);
  }

  /// Keys shown and counts made by the source.
  std::pair<int, int> cost(const std::string& text) {
    const test::model_snapshot source{state_};
    RangeResponse response;
    EXPECT_EQ(evaluate(source, parse<RangeRequest>(text), response), errc::none);
    return {source.visited(), source.counted()};
  }

private:
  std::shared_ptr<test::model_state> state_ = std::make_shared<test::model_state>();
};

TEST_F(range_cost, a_limited_range_reads_one_key_more_than_it_gives) {
  EXPECT_EQ(cost(R"(key: "a" range_end: "\000" limit: 3)"), (std::pair{4, 1}));
  EXPECT_EQ(cost(R"(key: "a" range_end: "\000" limit: 3 sort_order: ASCEND)"), (std::pair{4, 1}));
  EXPECT_EQ(cost(R"(key: "a" range_end: "\000" limit: 26)"), (std::pair{26, 0}))
    << "what was seen need not be counted";
}

TEST_F(range_cost, a_count_and_a_single_key_read_no_range) {
  EXPECT_EQ(cost(R"(key: "a" range_end: "\000" count_only: true)"), (std::pair{0, 1}));
  EXPECT_EQ(cost(R"(key: "a")"), (std::pair{0, 0}));
}

} // namespace
} // namespace troupe::read
