// What protojson refuses is refused here, and what is left is what protobuf's own reader takes.

#include "actors/gateway/request_json.hpp"
#include "messages/proto/rpc.pb.h"

#include <gtest/gtest.h>
#include <string>

namespace troupe::gateway {
namespace {

using namespace etcdserverpb;

template <class Request>
std::string text_of(std::string_view json) {
  auto read = read_request_json(json, *Request::descriptor());
  EXPECT_EQ(read.error, "") << json;
  return read.text;
}

template <class Request>
std::string error_of(std::string_view json) {
  return read_request_json(json, *Request::descriptor()).error;
}

TEST(request_json, a_request_stays_as_it_is) {
  constexpr std::string_view txn =
    R"({"compare":[{"target":"CREATE","key":"YQ==","create_revision":0}],)"
    R"("success":[{"request_put":{"key":"YQ==","prev_kv":true}},{"request_range":{}}],)"
    R"("failure":[]})";
  EXPECT_EQ(text_of<TxnRequest>(txn), txn);
}

TEST(request_json, fields_that_are_unknown_or_null_are_left_out) {
  EXPECT_EQ(
    text_of<PutRequest>(
      R"({"u":{"v":[{},[1,"}"],{"key":"Yg=="}]},"key":"YQ==","w":[],"value":null,"w":-1.5e3})"),
    R"({"key":"YQ=="})");
  EXPECT_EQ(text_of<TxnRequest>(R"({"success":[{"v":[[]]},{"request_put":null,"x":true}]})"),
            R"({"success":[{},{}]})");
}

TEST(request_json, text_survives) {
  EXPECT_EQ(text_of<LeaseGrantRequest>(R"({ "TTL" : "9" , "ID" : 7.0 })"), R"({"TTL":9,"ID":7.0})");
  EXPECT_EQ(text_of<AlarmRequest>(R"({"alarm":"NOSPACE","memberID":18446744073709551615})"),
            R"({"alarm":"NOSPACE","memberID":18446744073709551615})");
  EXPECT_EQ(text_of<AuthUserAddRequest>("{\"name\":\"\\u00fc\\n\\\"\\ud83d\\ude00\"}"),
            "{\"name\":\"\xc3\xbc\\n\\\"\xf0\x9f\x98\x80\"}");
}

TEST(request_json, what_is_nearly_json_is_refused) {
  for (const char* text : {"{'key':'YQ=='}",
                           "{key:\"YQ==\"}",
                           "{\"key\":\"YQ==\",}",
                           "{\"key\":\"YQ==\"}}",
                           "{\"key\":\"YQ==\" /**/}",
                           "{\"u\":01}",
                           "{\"u\":.5}",
                           "{\"u\":NaN}",
                           "{\"u\":[1,]}",
                           "{\"key\":\"Y\tQ==\"}",
                           "{\"key\":\"\\x59\"}",
                           "{\"u\":\"\\ud800\"}",
                           "{\"u\":\"\xff\"}",
                           "{\"u\":[}",
                           "{\"u\"}",
                           "{",
                           "",
                           "[]",
                           "null",
                           "7",
                           "\"\""})
    EXPECT_NE(error_of<PutRequest>(text), "") << text;
}

TEST(request_json, a_field_comes_once_under_whatever_name) {
  EXPECT_EQ(error_of<PutRequest>(R"({"key":"YQ==","key":"Yg=="})"), "duplicate field key");
  EXPECT_EQ(error_of<PutRequest>(R"({"prev_kv":true,"prevKv":true})"), "duplicate field prevKv");
  EXPECT_EQ(error_of<PutRequest>(R"({"key":null,"key":"Yg=="})"), "duplicate field key");
  EXPECT_EQ(error_of<TxnRequest>(R"({"success":[{"request_put":{},"request_range":{}}]})"),
            "oneof request is already set");
  EXPECT_EQ(error_of<TxnRequest>(R"({"success":[{"request_put":null,"request_range":{}}]})"), "");
}

// Otherwise a transaction is carried out that its author did not write.
TEST(request_json, lists_are_in_brackets_and_nothing_else_is) {
  for (const char* text : {R"({"success":{"request_put":{"key":"YQ=="}}})", R"({"success":[[]]})",
                           R"({"success":[[{}]]})", R"({"success":[null]})", R"({"success":["x"]})",
                           R"({"success":7})", R"({"success":[{"request_put":[{}]}]})"})
    EXPECT_EQ(error_of<TxnRequest>(text).find("invalid value for field"), 0u) << text;
  EXPECT_NE(error_of<PutRequest>(R"({"key":["YQ=="]})"), "");
}

TEST(request_json, values_have_the_kind_of_their_field) {
  for (const char* text :
       {R"({"serializable":"true"})", R"({"serializable":1})", R"({"key":7})", R"({"key":true})",
        R"({"key":{}})", R"({"limit":true})", R"({"limit":{}})", R"({"sort_order":"2"})",
        R"({"sort_order":"descend"})", R"({"sort_order":true})"})
    EXPECT_EQ(error_of<RangeRequest>(text).find("invalid value for field"), 0u) << text;
  EXPECT_NE(error_of<WatchRequest>(R"({"create_request":7})"), "");
}

TEST(request_json, a_quoted_integer_is_a_number_as_json_has_it) {
  EXPECT_EQ(text_of<RangeRequest>(R"({"limit":"-12"})"), R"({"limit":-12})");
  EXPECT_EQ(text_of<RangeRequest>(R"({"limit":"1e3"})"), R"({"limit":1e3})");
  for (const char* text : {"", " 1", "1 ", "+1", "01", "0x1", "1.", "true", "[1]", "\\u00001"})
    EXPECT_NE(error_of<RangeRequest>(R"({"limit":")" + std::string{text} + "\"}"), "") << text;
}

// As far as protobuf's reader goes through a double.
TEST(request_json, an_integer_with_a_point_is_exact_or_refused) {
  EXPECT_EQ(error_of<RangeRequest>(R"({"revision":9007199254740991.0})"), "");
  EXPECT_NE(error_of<RangeRequest>(R"({"revision":9007199254740993.0})"), "");
  EXPECT_NE(error_of<RangeRequest>(R"({"revision":"9007199254740993.0"})"), "");
}

TEST(request_json, messages_nest_up_to_a_bound_and_unknown_values_without) {
  auto nested = [](std::size_t levels, std::string inner) {
    for (std::size_t i = 1; i < levels; i += 2)
      inner = R"({"success":[{"request_txn":)" + inner + "}]}";
    return inner;
  };
  static_assert(max_nested_messages % 2 == 0);
  constexpr auto innermost = max_nested_messages - 1;
  EXPECT_EQ(error_of<TxnRequest>(nested(innermost, R"({"compare":[{}],"success":[{}]})")), "");
  EXPECT_EQ(error_of<TxnRequest>(nested(innermost, R"({"success":[{"request_put":{}}]})")),
            "the request is nested too deeply");
  std::string lists(100'000, '[');
  EXPECT_EQ(text_of<PutRequest>(R"({"u":)" + lists + std::string(100'000, ']') + "}"), "{}");
}

} // namespace
} // namespace troupe::gateway
