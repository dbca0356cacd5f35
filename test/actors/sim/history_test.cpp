#include "actors/sim/history.hpp"
#include "test/actors/sim/history_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

namespace troupe::sim {
namespace {

using ::testing::HasSubstr;

history from(const std::string& text) {
  std::istringstream lines{text};
  return read_history(lines);
}

std::string lines_of(const history& x) {
  std::ostringstream out;
  for (const auto& operation : x.operations)
    write_line(out, operation);
  for (const auto& lease : x.leases)
    write_line(out, lease);
  return out.str();
}

void expect_refused(const std::string& text, const std::string& why) {
  try {
    from(text);
    ADD_FAILURE() << "accepted: " << text;
  } catch (const history_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(why));
  }
}

TEST(HistoryTest, ReadsAPut) {
  auto read = from(R"({"client":"c1","member":"m2","invoke":10,"return":25,)"
                   R"("put":{"key":"a","value":"1","lease":7,"prev_kv":true},)"
                   R"("result":{"revision":2,"answers":[{"kvs":[{"key":"a","value":"0",)"
                   R"("create_revision":2,"mod_revision":2,"version":1}]}]}})");
  ASSERT_EQ(read.operations.size(), 1U);
  const auto& x = read.operations[0];
  EXPECT_EQ(x.client, "c1");
  EXPECT_EQ(x.member, "m2");
  EXPECT_EQ(x.invoked, 10);
  EXPECT_EQ(x.returned, 25);
  const auto& put = x.call.success.at(0);
  EXPECT_EQ(put.kind, kv_request::type::put);
  EXPECT_EQ(put.key, "a");
  EXPECT_EQ(put.value, "1");
  EXPECT_EQ(put.lease, lease_id{7});
  EXPECT_TRUE(put.prev_kv);
  EXPECT_EQ(x.result->revision, 2);
  EXPECT_EQ(x.result->answers.at(0).kvs.at(0).version, 1);
}

TEST(HistoryTest, ACallWithoutAnswerStaysOpen) {
  auto x = from(R"({"client":"c1","invoke":10,"return":25,"delete":{"key":"a","range_end":"b"}})")
             .operations.at(0);
  EXPECT_FALSE(x.result);
  EXPECT_EQ(x.returned, open_end);
  EXPECT_EQ(x.call.success.at(0).range_end, "b");
}

TEST(HistoryTest, ReadsATxnAndItsBranch) {
  auto x = from(R"({"client":"c","invoke":1,"return":2,"txn":{)"
                R"("compare":[{"key":"a","target":"value","is":"!=","to":"x"},)"
                R"({"key":"b","target":"version","is":">","to":4}],)"
                R"("success":[{"put":{"key":"a","value":"2"}}],)"
                R"("failure":[{"range":{"key":"a"}},{"delete":{"key":"b"}}]},)"
                R"("result":{"revision":9,"succeeded":false,"answers":[{},{"count":1}]}})")
             .operations.at(0);
  ASSERT_EQ(x.call.compares.size(), 2U);
  EXPECT_EQ(x.call.compares[0].value, "x");
  EXPECT_EQ(x.call.compares[0].is, kv_compare::relation::not_equal);
  EXPECT_EQ(x.call.compares[1].number, 4);
  EXPECT_EQ(x.call.failure.at(1).kind, kv_request::type::delete_range);
  EXPECT_FALSE(x.result->succeeded);
  EXPECT_EQ(x.result->answers.at(1).count, 1);
}

TEST(HistoryTest, ReadsLeases) {
  auto read = from(R"({"client":"c","invoke":1,"return":2,"grant":{"lease":7},"ttl":10})"
                   "\n"
                   R"({"client":"c","invoke":3,"return":9,"keep_alive":{"lease":7}})"
                   "\n");
  ASSERT_EQ(read.leases.size(), 2U);
  EXPECT_EQ(read.leases[0].ttl_seconds, 10);
  EXPECT_EQ(read.leases[0].lease, lease_id{7});
  EXPECT_EQ(read.leases[1].kind, lease_operation::type::keep_alive);
  EXPECT_EQ(read.leases[1].returned, open_end);
}

TEST(HistoryTest, WritesWhatItReads) {
  auto history = random_history(
    {.operations = 300, .keys = 4, .open_permille = 100, .lease_ends_permille = 50}, 3);
  history[0].call = swap_call("k", 5, "x");
  history[0].call.compares.push_back({.key = "k", .target = kv_compare::field::value});
  history[0].call.serializable = true;
  history[0].result.reset();
  history[0].returned = open_end;
  auto text = lines_of({.operations = history,
                        .leases = {{.client = "c",
                                    .invoked = 1,
                                    .returned = 2,
                                    .kind = lease_operation::type::gone,
                                    .lease = {-3},
                                    .ttl_seconds = 0}}});
  auto again = from(text);
  EXPECT_EQ(again.operations.size(), 300U);
  EXPECT_EQ(lines_of(again), text);
}

TEST(HistoryTest, AnyByteSurvives) {
  std::string bytes;
  for (int c = 1; c < 256; ++c)
    bytes.push_back(static_cast<char>(c));
  auto x = from(lines_of({.operations = {open(1, put_call(bytes, bytes))}})).operations.at(0);
  EXPECT_EQ(x.call.success[0].key, bytes);
  EXPECT_EQ(x.call.success[0].value, bytes);
}

TEST(HistoryTest, RefusesWhatItDoesNotUnderstand) {
  expect_refused("{", "line 1");
  expect_refused("{}\n", "no request");
  expect_refused(R"({"invoke":2,"return":1,"range":{"key":"a"}})", "before it was invoked");
  expect_refused(R"({"invoke":1,"range":{"key":"a"},"put":{"key":"a"}})", "more than one");
  expect_refused(R"({"invoke":1,"range":{"key":"a","limt":1}})", "\"limt\" is not known");
  expect_refused(R"({"invoke":1,"range":{}})", "without a key");
  expect_refused(R"({"invoke":"1","range":{"key":"a"}})", "no integer");
  expect_refused(R"({"invoke":1,"range":{"key":"a"},"result":{"revision":1}})", "without the time");
  expect_refused(R"({"invoke":1,"return":2,"range":{"key":"a"},)"
                 R"("result":{"revision":1,"answers":[{},{}]}})",
                 "not one answer for each");
  expect_refused(R"({"invoke":1,"txn":{"success":[{"range":{"key":"a","revision":3}}]}})",
                 "cannot stand in a txn");
  expect_refused("\n"
                 R"({"invoke":1,"put":{"key":"ā"}})",
                 "line 2");
}

TEST(HistoryTest, DescriptionsAreShort) {
  auto text = describe(put({1, 2}, "a", std::string(5000, 'x'), 2));
  EXPECT_THAT(text, HasSubstr("invoked 1, returned 2"));
  EXPECT_LT(text.size(), 400U);
}

} // namespace
} // namespace troupe::sim
