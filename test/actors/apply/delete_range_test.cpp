// Section 4 of etcd's API: DeleteRange.

#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

class delete_range_test : public test::kv_fixture {
protected:
  void SetUp() override {
    kv_fixture::SetUp();
    for (const auto* key : {"a", "b", "c"})
      put(R"(value: "v" key: ")" + std::string{key} + R"(")");
  }
};

INSTANTIATE_KV_TESTS(delete_range_test);

TEST_P(delete_range_test, counts_keys_and_takes_one_revision) {
  EXPECT_EQ(delete_range(R"(key: "a" range_end: "c")"), "header { revision: 5 } deleted: 2");
  EXPECT_EQ(range(R"(key: "a" range_end: "z" keys_only: true)"),
            R"(header { revision: 5 } kvs { key: "c" create_revision: 4 mod_revision: 4 )"
            R"(version: 1 } count: 1)");
}

TEST_P(delete_range_test, hitting_nothing_takes_no_revision) {
  EXPECT_EQ(delete_range(R"(key: "x")"), "header { revision: 4 }");
  EXPECT_EQ(delete_range(R"(key: "c" range_end: "a")"), "header { revision: 4 }");
  EXPECT_EQ(delete_range(R"(key: "x" range_end: "\000" prev_kv: true)"), "header { revision: 4 }");
  EXPECT_EQ(revision(), 4);
  delete_range(R"(key: "a")");
  EXPECT_EQ(delete_range(R"(key: "a")"), "header { revision: 5 }") << "gone already";
}

TEST_P(delete_range_test, addresses_as_a_range_does) {
  EXPECT_EQ(delete_range(R"(key: "b")"), "header { revision: 5 } deleted: 1");
  EXPECT_EQ(delete_range(R"(key: "b" range_end: "\000")"), "header { revision: 6 } deleted: 1");
  EXPECT_EQ(delete_range(R"(key: "\000" range_end: "\000")"), "header { revision: 7 } deleted: 1");
}

TEST_P(delete_range_test, previous_keys_in_key_order_if_asked_for) {
  put(R"(key: "a" value: "w")");
  EXPECT_EQ(delete_range(R"(key: "a" range_end: "c" prev_kv: true)"),
            R"(header { revision: 6 } deleted: 2 )"
            R"(prev_kvs { key: "a" create_revision: 2 mod_revision: 5 version: 2 value: "w" } )"
            R"(prev_kvs { key: "b" create_revision: 3 mod_revision: 3 version: 1 value: "v" })");
}

} // namespace
} // namespace troupe::apply
