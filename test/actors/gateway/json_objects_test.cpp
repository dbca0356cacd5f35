#include "actors/gateway/json_objects.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::gateway {
namespace {

std::vector<std::string> all(json_objects& text) {
  std::vector<std::string> result;
  while (auto object = text.next())
    result.push_back(std::move(*object));
  return result;
}

TEST(json_objects, objects_follow_each_other_with_or_without_space) {
  json_objects text;
  text.add(" {\"a\":1}{}\r\n\t{\"b\":[{},{}]} ");
  EXPECT_EQ(all(text), (std::vector<std::string>{"{\"a\":1}", "{}", "{\"b\":[{},{}]}"}));
  EXPECT_FALSE(text.malformed());
  EXPECT_FALSE(text.unfinished());
  EXPECT_EQ(text.size(), 0u);
}

TEST(json_objects, braces_in_strings_are_no_braces) {
  json_objects text;
  text.add(R"({"a":"}\"}\\"}{"b":"\\\"{"})");
  EXPECT_EQ(all(text), (std::vector<std::string>{R"({"a":"}\"}\\"})", R"({"b":"\\\"{"})"}));
}

TEST(json_objects, every_split_of_the_text_means_the_same) {
  const std::string whole = R"( {"a":"}\"{"} {"b":{"c":[1,{"d":"\\"}]}}{})";
  const std::vector<std::string> parts{R"({"a":"}\"{"})", R"({"b":{"c":[1,{"d":"\\"}]}})", "{}"};
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    json_objects text;
    text.add(whole.substr(0, cut));
    auto found = all(text);
    text.add(whole.substr(cut));
    for (auto& object : all(text))
      found.push_back(std::move(object));
    EXPECT_EQ(found, parts) << "cut at " << cut;
  }
}

TEST(json_objects, what_has_begun_is_unfinished) {
  json_objects text;
  EXPECT_FALSE(text.unfinished());
  text.add("{} {\"a\":{}");
  EXPECT_EQ(all(text).size(), 1u);
  EXPECT_TRUE(text.unfinished());
  EXPECT_EQ(text.size(), 7u);
}

TEST(json_objects, other_values_are_malformed_and_end_it) {
  for (const char* other : {"[]", "null", "1", "\"{}\"", "}", "{}]"}) {
    json_objects text;
    text.add(other);
    text.add("{}");
    EXPECT_LE(all(text).size(), other[0] == '{' ? 1u : 0u) << other;
    EXPECT_TRUE(text.malformed()) << other;
  }
}

TEST(json_objects, many_small_objects_do_not_stay_in_memory) {
  json_objects text;
  std::size_t count = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 1'000; ++i)
      text.add("{}");
    count += all(text).size();
    EXPECT_EQ(text.size(), 0u);
  }
  EXPECT_EQ(count, 100'000u);
}

} // namespace
} // namespace troupe::gateway
