// Section 5 of etcd's API: Txn.

#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::apply {
namespace {

class txn_test : public test::kv_fixture {
protected:
  static std::string put_op(const std::string& rest) {
    return "success { request_put { " + rest + " } } ";
  }

  static std::string delete_op(const std::string& rest) {
    return "success { request_delete_range { " + rest + " } } ";
  }

  static std::string range_op(const std::string& rest) {
    return "success { request_range { " + rest + " } } ";
  }

  static std::string nested_op(const std::string& rest) {
    return "success { request_txn { " + rest + " } } ";
  }

  /// Takes the first branch if the key exists.
  static std::string if_exists(const std::string& key) {
    return R"(compare { target: VERSION result: GREATER key: ")" + key + R"(" } )";
  }
};

INSTANTIATE_KV_TESTS(txn_test);

// ---- Revisions and answers

TEST_P(txn_test, all_writes_share_one_revision) {
  put(R"(key: "old")");
  EXPECT_EQ(txn(put_op(R"(key: "a" value: "1")") + delete_op(R"(key: "old")")
                + put_op(R"(key: "b" value: "2")")),
            "header { revision: 3 } succeeded: true "
            "responses { response_put { header { revision: 3 } } } "
            "responses { response_delete_range { header { revision: 3 } deleted: 1 } } "
            "responses { response_put { header { revision: 3 } } }");
  EXPECT_EQ(
    contents(),
    R"(header { revision: 3 } )"
    R"(kvs { key: "a" create_revision: 3 mod_revision: 3 version: 1 value: "1" } )"
    R"(kvs { key: "b" create_revision: 3 mod_revision: 3 version: 1 value: "2" } count: 2)");
}

TEST_P(txn_test, without_a_write_the_revision_stays) {
  put(R"(key: "a" value: "1")");
  EXPECT_EQ(txn(delete_op(R"(key: "x")") + range_op(R"(key: "x")")),
            "header { revision: 2 } succeeded: true "
            "responses { response_delete_range { header { revision: 2 } } } "
            "responses { response_range { header { revision: 2 } } }");
  EXPECT_EQ(revision(), 2);
}

TEST_P(txn_test, a_failed_compare_takes_the_other_branch) {
  EXPECT_EQ(txn(if_exists("a") + put_op(R"(key: "a")") + R"(failure { request_put { key: "b" } })"),
            "header { revision: 2 } responses { response_put { header { revision: 2 } } }");
  EXPECT_EQ(range(R"(key: "a")"), "header { revision: 2 }");
  EXPECT_EQ(txn(if_exists("a") + put_op(R"(key: "a")")), "header { revision: 2 }")
    << "an empty branch does nothing";
}

TEST_P(txn_test, reads_see_the_writes_before_them_and_their_revision) {
  put(R"(key: "a" value: "old")");
  EXPECT_EQ(
    txn(range_op(R"(key: "a")") + put_op(R"(key: "a" value: "new")") + range_op(R"(key: "a")")
        + delete_op(R"(key: "x")")),
    R"(header { revision: 3 } succeeded: true )"
    R"(responses { response_range { header { revision: 2 } )"
    R"(kvs { key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "old" } count: 1 } } )"
    R"(responses { response_put { header { revision: 3 } } } )"
    R"(responses { response_range { header { revision: 3 } )"
    R"(kvs { key: "a" create_revision: 2 mod_revision: 3 version: 2 value: "new" } count: 1 } } )"
    R"(responses { response_delete_range { header { revision: 3 } } })");
}

TEST_P(txn_test, a_read_at_a_given_revision_does_not_see_them) {
  put(R"(key: "a" value: "old")");
  auto answer = txn(put_op(R"(key: "a" value: "new")") + range_op(R"(key: "a" revision: 2)"));
  EXPECT_EQ(
    answer,
    R"(header { revision: 3 } succeeded: true responses { response_put { header { revision: 3 } } } )"
    R"(responses { response_range { header { revision: 3 } )"
    R"(kvs { key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "old" } count: 1 } })");
}

TEST_P(txn_test, ranges_inside_have_all_their_options) {
  put(R"(key: "a" value: "1")");
  EXPECT_EQ(
    txn(put_op(R"(key: "b" value: "2")") + put_op(R"(key: "c" value: "3")")
        + range_op(R"(key: "a" range_end: "z" limit: 1 sort_order: DESCEND keys_only: true)")
        + range_op(R"(key: "a" range_end: "z" count_only: true)")),
    R"(header { revision: 3 } succeeded: true )"
    R"(responses { response_put { header { revision: 3 } } } )"
    R"(responses { response_put { header { revision: 3 } } } )"
    R"(responses { response_range { header { revision: 3 } )"
    R"(kvs { key: "c" create_revision: 3 mod_revision: 3 version: 1 } more: true count: 3 } } )"
    R"(responses { response_range { header { revision: 3 } count: 3 } })");
}

TEST_P(txn_test, previous_keys_are_those_before_the_operation) {
  put(R"(key: "a" value: "1")");
  EXPECT_EQ(
    txn(put_op(R"(key: "a" value: "2" prev_kv: true)")
        + delete_op(R"(key: "a" range_end: "\000" prev_kv: true)")),
    R"(header { revision: 3 } succeeded: true )"
    R"(responses { response_put { header { revision: 3 } )"
    R"(prev_kv { key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "1" } } } )"
    R"(responses { response_delete_range { header { revision: 3 } deleted: 1 )"
    R"(prev_kvs { key: "a" create_revision: 2 mod_revision: 3 version: 2 value: "2" } } })");
}

TEST_P(txn_test, the_second_of_two_overlapping_deletes_counts_nothing) {
  put(R"(key: "a")");
  put(R"(key: "b")");
  EXPECT_EQ(txn(delete_op(R"(key: "a" range_end: "z")") + delete_op(R"(key: "b")")),
            "header { revision: 4 } succeeded: true "
            "responses { response_delete_range { header { revision: 4 } deleted: 2 } } "
            "responses { response_delete_range { header { revision: 4 } } }");
}

TEST_P(txn_test, a_delete_from_a_key_on_and_a_put_run_in_order) {
  put(R"(key: "b" value: "old")");
  txn(delete_op(R"(key: "a" range_end: "\000")") + put_op(R"(key: "b" value: "new")"));
  EXPECT_EQ(range(R"(key: "b")"),
            R"(header { revision: 3 } kvs { key: "b" create_revision: 3 mod_revision: 3 )"
            R"(version: 1 value: "new" } count: 1)");
  txn(put_op(R"(key: "c")") + delete_op(R"(key: "a" range_end: "\000")"));
  EXPECT_EQ(contents(), "header { revision: 4 }");
}

// ---- Nesting

TEST_P(txn_test, a_nested_answer_has_an_empty_header) {
  auto expected = std::string{"header { revision: 2 } succeeded: true "
                              "responses { response_txn { header { } succeeded: true "
                              "responses { response_put { header { revision: 2 } } } } } "
                              "responses { response_txn { header { } } }"};
  EXPECT_EQ(txn(nested_op(put_op(R"(key: "a")")) + nested_op(if_exists("x"))), expected);
}

TEST_P(txn_test, nested_compares_see_the_state_before_the_whole_transaction) {
  EXPECT_EQ(txn(put_op(R"(key: "a" value: "1")")
                + nested_op(if_exists("a") + put_op(R"(key: "yes")")
                            + R"(failure { request_put { key: "no" } })")),
            "header { revision: 2 } succeeded: true "
            "responses { response_put { header { revision: 2 } } } "
            "responses { response_txn { header { } "
            "responses { response_put { header { revision: 2 } } } } }");
  EXPECT_EQ(range(R"(key: "no" count_only: true)"), "header { revision: 2 } count: 1");
}

TEST_P(txn_test, each_nested_transaction_takes_its_own_branch) {
  put(R"(key: "here")");
  auto nest = [](const std::string& key, const std::string& name, const std::string& inner) {
    return nested_op(if_exists(key) + put_op(R"(key: ")" + name + R"(+")") + inner
                     + R"(failure { request_put { key: ")" + name + R"(-" } })");
  };
  // Order of a walk over what runs: 1, 2, 3, 4; what hangs below a branch not taken is not asked.
  txn(nest("here", "1", nest("gone", "2", nest("here", "x", "")) + nest("here", "3", ""))
      + nest("gone", "4", nest("here", "y", "")));
  EXPECT_EQ(range(R"(key: "1" range_end: "z" keys_only: true)"),
            R"(header { revision: 3 } )"
            R"(kvs { key: "1+" create_revision: 3 mod_revision: 3 version: 1 } )"
            R"(kvs { key: "2-" create_revision: 3 mod_revision: 3 version: 1 } )"
            R"(kvs { key: "3+" create_revision: 3 mod_revision: 3 version: 1 } )"
            R"(kvs { key: "4-" create_revision: 3 mod_revision: 3 version: 1 } )"
            R"(kvs { key: "here" create_revision: 2 mod_revision: 2 version: 1 } count: 5)");
}

// ---- What fails, fails before anything is written

TEST_P(txn_test, range_revisions_are_held_against_the_state_before) {
  put(R"(key: "a")");
  put(R"(key: "a")");
  compact(3);
  const auto write = put_op(R"(key: "b")");
  EXPECT_EQ(txn(write + range_op(R"(key: "a" revision: 4)")), "error: future revision")
    << "not even the revision this transaction would make";
  EXPECT_EQ(txn(write + range_op(R"(key: "a" revision: 2)")), "error: compacted");
  EXPECT_EQ(txn(write + range_op(R"(key: "a" revision: -1)")), "error: compacted")
    << "unlike in a plain range";
  EXPECT_EQ(read_txn(range_op(R"(key: "a" revision: -1)")), "error: compacted");
  EXPECT_EQ(read_txn(range_op(R"(key: "a" revision: 4)")), "error: future revision");
  EXPECT_EQ(revision(), 3);
}

TEST_P(txn_test, minus_1_is_the_floor_of_a_store_never_compacted) {
  EXPECT_EQ(read_txn(range_op(R"(key: "a" revision: -1)")),
            "header { revision: 1 } succeeded: true "
            "responses { response_range { header { revision: 1 } } }");
  EXPECT_EQ(read_txn(range_op(R"(key: "a" revision: -2)")), "error: compacted");
  compact(0);
  EXPECT_EQ(read_txn(range_op(R"(key: "a" revision: -1)")), "error: compacted");
}

TEST_P(txn_test, leases_and_kept_parts_are_held_against_the_state_before) {
  const auto write = put_op(R"(key: "b")");
  EXPECT_EQ(txn(write + put_op(R"(key: "a" lease: 7)")), "error: lease not found");
  EXPECT_EQ(txn(write + put_op(R"(key: "a" ignore_value: true)")), "error: key not found");
  EXPECT_EQ(txn(write + put_op(R"(key: "a" ignore_lease: true)")), "error: key not found");
  EXPECT_EQ(txn(write + put_op(R"(key: "a" lease: 7 ignore_value: true)")), "error: key not found")
    << "unlike in a plain put the key comes first";
  EXPECT_EQ(revision(), 1);
}

TEST_P(txn_test, a_part_of_a_key_deleted_on_the_way_cannot_be_kept) {
  put(R"(key: "b" value: "v")");
  const auto keep = put_op(R"(key: "b" ignore_value: true)");
  const auto clear = delete_op(R"(key: "a" range_end: "\000")");
  EXPECT_EQ(txn(clear + keep), "error: key not found");
  EXPECT_EQ(txn(nested_op(clear) + keep), "error: key not found");
  EXPECT_EQ(revision(), 2);
  EXPECT_EQ(txn(delete_op(R"(key: "c" range_end: "\000")") + keep),
            "header { revision: 3 } succeeded: true "
            "responses { response_delete_range { header { revision: 2 } } } "
            "responses { response_put { header { revision: 3 } } }");
  EXPECT_EQ(txn(keep + clear),
            "header { revision: 4 } succeeded: true "
            "responses { response_put { header { revision: 4 } } } "
            "responses { response_delete_range { header { revision: 4 } deleted: 1 } }");
}

TEST_P(txn_test, the_first_failing_operation_names_the_error) {
  const auto lease = put_op(R"(key: "a" lease: 7)");
  const auto future = range_op(R"(key: "a" revision: 9)");
  EXPECT_EQ(txn(lease + future), "error: lease not found");
  EXPECT_EQ(txn(future + lease), "error: future revision");
  EXPECT_EQ(txn(nested_op(future) + lease), "error: future revision");
}

TEST_P(txn_test, what_does_not_run_cannot_fail) {
  EXPECT_EQ(txn(put_op(R"(key: "a")") + R"(failure { request_put { key: "b" lease: 7 } })"),
            "header { revision: 2 } succeeded: true "
            "responses { response_put { header { revision: 2 } } }");
  EXPECT_EQ(txn(nested_op(if_exists("x") + put_op(R"(key: "b" lease: 7)"))),
            "header { revision: 2 } succeeded: true responses { response_txn { header { } } }");
}

TEST_P(txn_test, a_failing_operation_at_any_place_leaves_nothing) {
  put(R"(key: "a" value: "1")");
  put(R"(key: "a" value: "2")");
  compact(3);
  const std::vector<std::string> harmless{
    put_op(R"(key: "b")"), delete_op(R"(key: "a")"), range_op(R"(key: "a")"),
    nested_op(put_op(R"(key: "c")") + nested_op(put_op(R"(key: "d")"))),
    delete_op(R"(key: "x" range_end: "\000")")};
  const std::vector<std::string> failing{
    put_op(R"(key: "e" lease: 7)"),           put_op(R"(key: "e" ignore_value: true)"),
    put_op(R"(key: "e" ignore_lease: true)"), range_op(R"(key: "a" revision: 4)"),
    range_op(R"(key: "a" revision: 2)"),
  };
  for (const auto& fail : failing) {
    for (const auto& wrapped : {fail, nested_op(fail), nested_op(put_op(R"(key: "f")") + fail)}) {
      for (std::size_t place = 0; place <= harmless.size(); ++place) {
        std::string request;
        for (std::size_t i = 0; i <= harmless.size(); ++i) {
          if (i == place)
            request += wrapped;
          if (i < harmless.size())
            request += harmless[i];
        }
        // The fixture compares everything before and after a failure.
        EXPECT_EQ(txn(request).substr(0, 7), "error: ") << request;
      }
    }
  }
  EXPECT_EQ(revision(), 3);
}

// ---- Reading only

TEST_P(txn_test, a_transaction_that_reads_needs_no_store_to_write_to) {
  put(R"(key: "a" value: "1")");
  EXPECT_EQ(
    read_txn(if_exists("a") + range_op(R"(key: "a" count_only: true)") + range_op(R"(key: "x")")),
    "header { revision: 2 } succeeded: true "
    "responses { response_range { header { revision: 2 } count: 1 } } "
    "responses { response_range { header { revision: 2 } } }");
  EXPECT_EQ(read_txn(if_exists("x")), "header { revision: 2 }");
}

} // namespace
} // namespace troupe::apply
