#include "actors/service/http_query.hpp"

#include <gtest/gtest.h>

namespace troupe::service {
namespace {

TEST(http_query_test, names_may_come_often_and_without_value) {
  http_query query{"exclude=A&verbose&exclude=B"};
  EXPECT_TRUE(query.has("verbose"));
  EXPECT_TRUE(query.has("exclude", "A"));
  EXPECT_TRUE(query.has("exclude", "B"));
  EXPECT_FALSE(query.has("exclude", "C"));
  EXPECT_EQ(query.first("exclude"), "A");
  EXPECT_EQ(query.first("verbose"), "");
  EXPECT_FALSE(query.has("A"));
}

TEST(http_query_test, escapes_are_taken_away) {
  http_query query{"a%3D+b=%4eO%53PACE+x&%61=c=d"};
  EXPECT_EQ(query.first("a= b"), "NOSPACE x");
  EXPECT_EQ(query.first("a"), "c=d");
}

/// As Go does: such a pair is an error that Query() drops.
TEST(http_query_test, bad_pairs_count_as_not_sent) {
  http_query query{"a=%&b=%4&c=%zz&d;e=1&f=1&%=2&=3&&g=%-1"};
  for (const char* name : {"a", "b", "c", "d", "e", "d;e", "%", "g"})
    EXPECT_FALSE(query.has(name)) << name;
  EXPECT_EQ(query.first("f"), "1");
  EXPECT_EQ(query.first(""), "3");
  EXPECT_FALSE(http_query{""}.has(""));
}

} // namespace
} // namespace troupe::service
