// Section 5.1 of etcd's API: what a transaction compares.

#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::apply {
namespace {

class compare_test : public test::kv_fixture {
protected:
  /// a: create 2, mod 4, version 2, lease 7, value "m"; b: create 3, mod 3, version 1, value "m".
  void SetUp() override {
    kv_fixture::SetUp();
    leases.ids = {7};
    put(R"(key: "a" value: "x")");
    put(R"(key: "b" value: "m")");
    put(R"(key: "a" value: "m" lease: 7)");
  }

  /// Whether a transaction of these compares takes its first branch.
  bool holds(const std::string& compares) {
    auto answer = read_txn(compares);
    EXPECT_TRUE(answer == "header { revision: 4 } succeeded: true"
                || answer == "header { revision: 4 }")
      << answer;
    return answer.find("succeeded") != std::string::npos;
  }

  static std::string on(const std::string& key, const std::string& rest) {
    return R"(compare { key: ")" + key + R"(" )" + rest + " } ";
  }
};

INSTANTIATE_KV_TESTS(compare_test);

TEST_P(compare_test, no_compares_succeed) {
  EXPECT_TRUE(holds(""));
}

TEST_P(compare_test, all_must_hold) {
  auto yes = on("a", "target: VERSION version: 2");
  auto no = on("a", "target: VERSION version: 3");
  EXPECT_TRUE(holds(yes + yes));
  EXPECT_FALSE(holds(yes + no));
  EXPECT_FALSE(holds(no + yes));
}

TEST_P(compare_test, every_target_and_result) {
  struct row {
    std::string target;
    std::string below, equal, above;
  };
  const std::vector<row> rows{
    {"VERSION", "version: 1", "version: 2", "version: 3"},
    {"CREATE", "create_revision: 1", "create_revision: 2", "create_revision: 3"},
    {"MOD", "mod_revision: 3", "mod_revision: 4", "mod_revision: 5"},
    {"LEASE", "lease: -1", "lease: 7", "lease: 8"},
    {"VALUE", R"(value: "\177")", R"(value: "m")", R"(value: "\200")"},
  };
  for (auto row : rows) {
    if (row.target == "VALUE")
      row.below = R"(value: "lzz")";
    auto given = [&](const std::string& result, const std::string& value) {
      return holds(on("a", "target: " + row.target + " result: " + result + " " + value));
    };
    // GREATER: what is stored is greater than what is given.
    EXPECT_TRUE(given("GREATER", row.below)) << row.target;
    EXPECT_FALSE(given("GREATER", row.equal)) << row.target;
    EXPECT_FALSE(given("GREATER", row.above)) << row.target;
    EXPECT_FALSE(given("EQUAL", row.below)) << row.target;
    EXPECT_TRUE(given("EQUAL", row.equal)) << row.target;
    EXPECT_FALSE(given("EQUAL", row.above)) << row.target;
    EXPECT_FALSE(given("LESS", row.below)) << row.target;
    EXPECT_FALSE(given("LESS", row.equal)) << row.target;
    EXPECT_TRUE(given("LESS", row.above)) << row.target;
    EXPECT_TRUE(given("NOT_EQUAL", row.below)) << row.target;
    EXPECT_FALSE(given("NOT_EQUAL", row.equal)) << row.target;
    EXPECT_TRUE(given("NOT_EQUAL", row.above)) << row.target;
  }
}

TEST_P(compare_test, numbers_are_signed_and_values_unsigned_bytes) {
  EXPECT_TRUE(holds(on("a", "target: MOD result: GREATER mod_revision: -9223372036854775808")));
  EXPECT_TRUE(holds(on("a", "target: MOD result: LESS mod_revision: 9223372036854775807")));
  EXPECT_TRUE(holds(on("a", R"(target: VALUE result: LESS value: "\377")")));
  EXPECT_TRUE(holds(on("a", R"(target: VALUE result: LESS value: "m\000")")));
  EXPECT_TRUE(holds(on("a", R"(target: VALUE result: GREATER value: "")")));
}

TEST_P(compare_test, a_missing_key_has_zeros) {
  for (const auto* target : {"VERSION", "CREATE", "MOD", "LEASE"}) {
    auto missing = [&](const std::string& rest) {
      return holds(on("x", "target: " + std::string{target} + " " + rest));
    };
    EXPECT_TRUE(missing("result: EQUAL"));
    EXPECT_FALSE(missing("result: NOT_EQUAL"));
    EXPECT_FALSE(missing("result: GREATER"));
    EXPECT_FALSE(missing("result: LESS"));
  }
  EXPECT_TRUE(holds(on("x", "target: MOD result: LESS mod_revision: 1")));
  EXPECT_TRUE(holds(on("x", "target: MOD result: GREATER mod_revision: -1")));
}

TEST_P(compare_test, the_value_of_a_missing_key_is_never_anything) {
  for (const auto* result : {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"}) {
    EXPECT_FALSE(holds(on("x", R"(target: VALUE value: "v" result: )" + std::string{result})));
    EXPECT_FALSE(holds(on("x", R"(target: VALUE result: )" + std::string{result})));
    EXPECT_FALSE(holds(on("x", R"(target: VALUE range_end: "z" result: )" + std::string{result})));
  }
}

TEST_P(compare_test, nothing_given_is_zero_or_empty) {
  EXPECT_TRUE(holds(on("a", "target: VERSION result: GREATER")));
  EXPECT_TRUE(holds(on("b", "target: LEASE")));
  EXPECT_FALSE(holds(on("a", "target: LEASE")));
  EXPECT_TRUE(holds(on("a", "target: VALUE result: GREATER")));
  put(R"(key: "b" value: "")");
  EXPECT_EQ(read_txn(on("b", "target: VALUE")), "header { revision: 5 } succeeded: true");
}

TEST_P(compare_test, a_given_value_of_another_kind_is_zero_or_empty) {
  EXPECT_FALSE(holds(on("a", "target: VERSION mod_revision: 2")));
  EXPECT_TRUE(holds(on("x", "target: VERSION mod_revision: 2")));
  EXPECT_TRUE(holds(on("b", "target: LEASE version: 1")));
  EXPECT_FALSE(holds(on("a", R"(target: CREATE value: "2")")));
  EXPECT_TRUE(holds(on("a", "target: VALUE result: GREATER version: 2")));
}

TEST_P(compare_test, a_range_asks_every_key) {
  EXPECT_TRUE(holds(on("a", R"(range_end: "z" target: VALUE value: "m")")));
  EXPECT_FALSE(holds(on("a", R"(range_end: "z" target: VERSION version: 2)")));
  EXPECT_FALSE(holds(on("a", R"(range_end: "z" target: VERSION version: 1)")));
  EXPECT_TRUE(holds(on("a", R"(range_end: "z" target: VERSION result: GREATER)")));
  EXPECT_TRUE(holds(on("a", R"(range_end: "b" target: VERSION version: 2)")));
  EXPECT_TRUE(holds(on("\\000", R"(range_end: "\000" target: VALUE value: "m")")));
  EXPECT_FALSE(holds(on("b", R"(range_end: "\000" target: VERSION version: 2)")));
}

TEST_P(compare_test, a_range_without_keys_is_one_missing_key) {
  EXPECT_TRUE(holds(on("x", R"(range_end: "z" target: VERSION)")));
  EXPECT_FALSE(holds(on("x", R"(range_end: "z" target: VERSION version: 1)")));
  EXPECT_TRUE(holds(on("b", R"(range_end: "a" target: MOD)"))) << "a reversed range";
}

TEST_P(compare_test, unknown_numbers) {
  etcdserverpb::TxnRequest request;
  auto& compare = *request.add_compare();
  compare.set_key("a");
  compare.set_version(77);
  auto holds_now = [&] {
    etcdserverpb::TxnResponse response;
    EXPECT_EQ(evaluate(*backend->snapshot(), request, response), errc::none);
    return response.succeeded();
  };
  EXPECT_FALSE(holds_now());
  compare.set_result(static_cast<etcdserverpb::Compare::CompareResult>(9));
  EXPECT_TRUE(holds_now()) << "an unknown result is true";
  compare.set_target(static_cast<etcdserverpb::Compare::CompareTarget>(9));
  compare.set_result(etcdserverpb::Compare::EQUAL);
  EXPECT_TRUE(holds_now()) << "an unknown target is equal";
  compare.set_result(etcdserverpb::Compare::NOT_EQUAL);
  EXPECT_FALSE(holds_now());
}

} // namespace
} // namespace troupe::apply
