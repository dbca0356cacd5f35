// Section 2.1 of etcd's API: RangeStream.

#include "actors/read/range_stream.hpp"
#include "test/support/kv_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::read {
namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::RangeStreamResponse;
using test::parse;

constexpr std::size_t target = 1'572'864;

class range_stream_test : public test::kv_fixture {
protected:
  void fill(int keys, const std::string& value = "v") {
    auto transaction = backend->begin();
    for (int i = 0; i < keys; ++i)
      transaction->put("k" + std::to_string(1000 + i), value, {}, false);
    transaction.reset();
    backend->commit();
  }

  std::vector<RangeResponse> messages(const std::string& text, std::size_t target_bytes = target) {
    auto request = parse<RangeRequest>(text);
    EXPECT_EQ(service::check_stream(request), errc::none);
    range_stream stream{backend->snapshot(), request, target_bytes};
    std::vector<RangeResponse> all;
    while (!stream.done()) {
      RangeStreamResponse response;
      last_error = stream.next(response);
      if (last_error == errc::none)
        all.push_back(response.range_response());
    }
    return all;
  }

  static std::vector<int> sizes(const std::vector<RangeResponse>& messages) {
    std::vector<int> all;
    for (const auto& message : messages)
      all.push_back(message.kvs_size());
    return all;
  }

  errc last_error = errc::none;
};

INSTANTIATE_KV_TESTS(range_stream_test);

TEST_P(range_stream_test, merged_messages_are_the_answer_of_a_range) {
  fill(100);
  put(R"(key: "k1001" value: "w")");
  for (const auto* request :
       {R"(key: "k" range_end: "l")", R"(key: "k" range_end: "l" limit: 35)",
        R"(key: "k" range_end: "l" limit: 10)", R"(key: "k" range_end: "l" limit: 100)",
        R"(key: "k" range_end: "\000" keys_only: true)", R"(key: "k1001")", R"(key: "x")",
        R"(key: "l" range_end: "k")", R"(key: "k" range_end: "l" revision: 2 limit: -1)",
        R"(key: "k" range_end: "l" count_only: true limit: 3)"}) {
    RangeResponse merged;
    for (const auto& message : messages(request))
      merged.MergeFrom(message);
    EXPECT_EQ(merged.ShortDebugString(), range(request)) << request;
  }
}

TEST_P(range_stream_test, only_the_last_message_has_header_more_and_count) {
  fill(50);
  auto all = messages(R"(key: "k" range_end: "l" limit: 45)");
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    EXPECT_FALSE(all[i].has_header());
    EXPECT_FALSE(all[i].more());
    EXPECT_EQ(all[i].count(), 0);
  }
  EXPECT_EQ(all.back().header().ShortDebugString(), "revision: 2");
  EXPECT_TRUE(all.back().more());
  EXPECT_EQ(all.back().count(), 50);
}

TEST_P(range_stream_test, messages_start_at_10_keys_and_double_while_they_are_small) {
  fill(100);
  EXPECT_EQ(sizes(messages(R"(key: "k" range_end: "l")")), (std::vector{10, 20, 40, 30}));
  EXPECT_EQ(sizes(messages(R"(key: "k" range_end: "l" limit: 12)")), (std::vector{10, 2}));
  EXPECT_EQ(sizes(messages(R"(key: "k" range_end: "l" limit: 3)")), (std::vector{3}));
}

TEST_P(range_stream_test, messages_halve_while_they_are_large) {
  fill(30, std::string(900, 'v'));
  EXPECT_EQ(sizes(messages(R"(key: "k" range_end: "l")", 1000)),
            (std::vector{10, 5, 2, 2, 2, 2, 2, 2, 2, 1}));
  // One key is more than twice the target: never less than one.
  EXPECT_EQ(sizes(messages(R"(key: "k" range_end: "l" limit: 20)", 100)),
            (std::vector{10, 5, 2, 1, 1, 1}));
  // In between they stay.
  EXPECT_EQ(sizes(messages(R"(key: "k" range_end: "l")", 10'000)), (std::vector{10, 10, 10}));
}

TEST_P(range_stream_test, count_only_is_one_message) {
  fill(50);
  auto all = messages(R"(key: "k" range_end: "l" count_only: true)");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].ShortDebugString(), "header { revision: 2 } count: 50");
}

TEST_P(range_stream_test, later_writes_do_not_show) {
  fill(25);
  range_stream stream{backend->snapshot(), parse<RangeRequest>(R"(key: "k" range_end: "l")"),
                      target};
  RangeStreamResponse first;
  ASSERT_EQ(stream.next(first), errc::none);
  put(R"(key: "k1024" value: "w")");
  delete_range(R"(key: "k1023")");
  RangeStreamResponse last;
  ASSERT_EQ(stream.next(last), errc::none);
  EXPECT_TRUE(stream.done());
  EXPECT_EQ(last.range_response().kvs_size(), 15);
  EXPECT_EQ(last.range_response().kvs(14).value(), "v");
  EXPECT_EQ(last.range_response().header().revision(), 2);
}

TEST_P(range_stream_test, unreadable_revisions_end_the_stream_at_once) {
  fill(5);
  put(R"(key: "k")");
  compact(3);
  EXPECT_TRUE(messages(R"(key: "k" range_end: "l" revision: 4)").empty());
  EXPECT_EQ(last_error, errc::future_revision);
  EXPECT_TRUE(messages(R"(key: "k" range_end: "l" revision: 2 count_only: true)").empty());
  EXPECT_EQ(last_error, errc::compacted);
  EXPECT_FALSE(messages(R"(key: "k" range_end: "l" revision: -1)").empty());
}

} // namespace
} // namespace troupe::read
