// Sections 1 and 3 of etcd's API: Put.

#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

class put_test : public test::kv_fixture {};

INSTANTIATE_KV_TESTS(put_test);

TEST_P(put_test, the_first_write_is_revision_2) {
  EXPECT_EQ(revision(), 1);
  EXPECT_EQ(put(R"(key: "a" value: "1")"), "header { revision: 2 }");
  EXPECT_EQ(revision(), 2);
}

TEST_P(put_test, counts_versions_and_keeps_the_create_revision) {
  put(R"(key: "a" value: "1")");
  put(R"(key: "b" value: "1")");
  put(R"(key: "a" value: "2")");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 4 } kvs { key: "a" create_revision: 2 mod_revision: 4 )"
            R"(version: 2 value: "2" } count: 1)");
}

TEST_P(put_test, an_equal_value_is_a_change_too) {
  put(R"(key: "a" value: "1")");
  EXPECT_EQ(put(R"(key: "a" value: "1")"), "header { revision: 3 }");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 3 } kvs { key: "a" create_revision: 2 mod_revision: 3 )"
            R"(version: 2 value: "1" } count: 1)");
}

TEST_P(put_test, a_deleted_key_starts_anew) {
  put(R"(key: "a" value: "1")");
  delete_range(R"(key: "a")");
  put(R"(key: "a" value: "2")");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 4 } kvs { key: "a" create_revision: 4 mod_revision: 4 )"
            R"(version: 1 value: "2" } count: 1)");
}

TEST_P(put_test, the_previous_key_only_if_asked_for_and_there) {
  leases.ids = {7};
  EXPECT_EQ(put(R"(key: "a" value: "1" lease: 7 prev_kv: true)"), "header { revision: 2 }");
  EXPECT_EQ(put(R"(key: "a" value: "2" prev_kv: true)"),
            R"(header { revision: 3 } prev_kv { key: "a" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 value: "1" lease: 7 })");
  EXPECT_EQ(put(R"(key: "a" value: "3")"), "header { revision: 4 }");
}

TEST_P(put_test, the_lease_must_exist) {
  EXPECT_EQ(put(R"(key: "a" lease: 7)"), "error: lease not found");
  EXPECT_EQ(put(R"(key: "a" lease: -7)"), "error: lease not found");
  EXPECT_EQ(revision(), 1);
  leases.ids = {7};
  EXPECT_EQ(put(R"(key: "a" lease: 7)"), "header { revision: 2 }");
}

TEST_P(put_test, without_lease_the_key_is_detached) {
  leases.ids = {7};
  put(R"(key: "a" value: "1" lease: 7)");
  put(R"(key: "a" value: "2")");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 3 } kvs { key: "a" create_revision: 2 mod_revision: 3 )"
            R"(version: 2 value: "2" } count: 1)");
}

TEST_P(put_test, ignore_value_keeps_the_value_and_not_the_lease) {
  leases.ids = {7, 8};
  put(R"(key: "a" value: "1" lease: 7)");
  EXPECT_EQ(put(R"(key: "a" lease: 8 ignore_value: true prev_kv: true)"),
            R"(header { revision: 3 } prev_kv { key: "a" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 value: "1" lease: 7 })");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 3 } kvs { key: "a" create_revision: 2 mod_revision: 3 )"
            R"(version: 2 value: "1" lease: 8 } count: 1)");
}

TEST_P(put_test, ignore_lease_keeps_the_lease_and_not_the_value) {
  leases.ids = {7};
  put(R"(key: "a" value: "1" lease: 7)");
  put(R"(key: "a" value: "2" ignore_lease: true)");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 3 } kvs { key: "a" create_revision: 2 mod_revision: 3 )"
            R"(version: 2 value: "2" lease: 7 } count: 1)");
  put(R"(key: "a" ignore_lease: true ignore_value: true)");
  EXPECT_EQ(range(R"(key: "a")"),
            R"(header { revision: 4 } kvs { key: "a" create_revision: 2 mod_revision: 4 )"
            R"(version: 3 value: "2" lease: 7 } count: 1)");
}

TEST_P(put_test, what_is_kept_must_be_there) {
  EXPECT_EQ(put(R"(key: "a" ignore_value: true)"), "error: key not found");
  EXPECT_EQ(put(R"(key: "a" ignore_lease: true)"), "error: key not found");
  EXPECT_EQ(put(R"(key: "a" lease: 7 ignore_value: true)"), "error: lease not found")
    << "the lease comes first";
  put(R"(key: "a" value: "1")");
  delete_range(R"(key: "a")");
  EXPECT_EQ(put(R"(key: "a" ignore_value: true)"), "error: key not found");
}

TEST_P(put_test, keys_and_values_are_any_bytes) {
  put(R"(key: "\000\377" value: "\000")");
  EXPECT_EQ(range(R"(key: "\000\377")"),
            R"(header { revision: 2 } kvs { key: "\000\377" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 value: "\000" } count: 1)");
}

} // namespace
} // namespace troupe::apply
