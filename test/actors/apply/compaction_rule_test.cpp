// Section 6 of etcd's API: which revisions can be compacted.

#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

class compaction_rule_test : public test::kv_fixture {};

INSTANTIATE_KV_TESTS(compaction_rule_test);

TEST_P(compaction_rule_test, a_new_store_can_forget_0_and_then_1) {
  EXPECT_EQ(compact(-1), "compacted");
  EXPECT_EQ(compact(0), "none");
  EXPECT_EQ(compact(0), "compacted");
  EXPECT_EQ(compact(1), "none");
  EXPECT_EQ(compact(1), "compacted");
  EXPECT_EQ(compact(2), "future revision");
}

TEST_P(compaction_rule_test, only_above_the_last_one_and_up_to_the_newest) {
  for (int i = 0; i < 4; ++i)
    put(R"(key: "a")");
  EXPECT_EQ(compact(6), "future revision");
  EXPECT_EQ(compact(3), "none");
  EXPECT_EQ(compact(2), "compacted");
  EXPECT_EQ(compact(3), "compacted");
  EXPECT_EQ(compact(5), "none");
  EXPECT_EQ(revision(), 5) << "compaction takes no revision";
}

TEST_P(compaction_rule_test, what_is_current_stays) {
  put(R"(key: "a" value: "1")");
  put(R"(key: "a" value: "2")");
  put(R"(key: "b" value: "1")");
  delete_range(R"(key: "b")");
  auto before = contents();
  ASSERT_EQ(compact(5), "none");
  EXPECT_EQ(contents(), before);
}

} // namespace
} // namespace troupe::apply
