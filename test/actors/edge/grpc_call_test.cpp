// What a connection makes of gRPC calls, and clients of its answers.

#include "test/actors/edge/conversation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace troupe;
using namespace troupe::test;

namespace {

constexpr auto put = "/etcdserverpb.KV/Put";
constexpr auto watch = "/etcdserverpb.Watch/Watch";
constexpr auto snapshot = "/etcdserverpb.Maintenance/Snapshot";

TEST(grpc_call, a_unary_call_is_one_request_and_one_answer) {
  conversation c;
  auto id = c.peer.call(put, framed("hello"));
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  const auto& event = events.front();
  EXPECT_EQ(event.kind, what::request);
  EXPECT_EQ(event.call, (call_id{.edge = 7, .connection = 42, .stream = id}));
  EXPECT_EQ(event.method, rpc_method::kv_put);
  EXPECT_EQ(event.body.view(), "hello");
  EXPECT_EQ(event.deadline, time_point::max());
  ASSERT_TRUE(event.metadata);
  EXPECT_EQ(event.metadata->remote, "10.0.0.1:999");

  c.answer(reply_with(event.call, blob{std::string{"world"}}));
  c.run();
  const auto& reply = c.peer.of(id);
  EXPECT_EQ(reply.field(":status"), "200");
  EXPECT_EQ(reply.field("content-type"), "application/grpc");
  EXPECT_EQ(reply.data, framed("world"));
  EXPECT_EQ(reply.status(), "0");
  EXPECT_TRUE(reply.closed);
  EXPECT_EQ(reply.error, 0u);
  EXPECT_EQ(c.link.open_calls(), 0u);
  EXPECT_TRUE(c.take().empty());
}

TEST(grpc_call, an_empty_message_is_a_message) {
  conversation c;
  auto id = c.peer.call(put, framed(""));
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events.front().body.empty());
  c.answer(reply_with(events.front().call, blob{}));
  c.run();
  EXPECT_EQ(c.peer.of(id).data, framed(""));
  EXPECT_EQ(c.peer.of(id).status(), "0");
}

// The same events, whatever pieces the network makes of the bytes.
TEST(grpc_call, every_split_of_the_bytes_means_the_same) {
  grpc_peer client;
  client.call(put, framed("first"), true, {{"token", "t"}, {"grpc-timeout", "5S"}});
  client.call(watch, framed("second") + framed("third"));
  client.call("/etcdserverpb.KV/Range", framed(std::string(300, 'x')));
  auto bytes = client.output();
  auto hear = [&](std::vector<std::size_t> cuts) {
    conversation c;
    cuts.push_back(bytes.size());
    std::size_t from = 0;
    for (auto cut : cuts) {
      c.link.receive(std::string_view{bytes}.substr(from, cut - from), c.now, c.out);
      from = cut;
    }
    std::string result;
    for (const auto& event : c.take())
      result += std::to_string(static_cast<int>(event.kind)) + ":"
                + std::to_string(event.call.stream) + ":" + std::string{event.body.view()} + ":"
                + (event.metadata ? event.metadata->token : "-") + " ";
    return result;
  };
  auto whole = hear({});
  // The client sends all headers before the first body.
  EXPECT_EQ(whole, "1:3:: 0:1:first:t 2:3:second:- 2:3:third:- 3:3::- 0:5:" + std::string(300, 'x')
                     + ": ");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut)
    ASSERT_EQ(hear({cut}), whole) << "cut at " << cut;
  std::vector<std::size_t> every_byte;
  for (std::size_t i = 1; i < bytes.size(); ++i)
    every_byte.push_back(i);
  EXPECT_EQ(hear(every_byte), whole);
}

TEST(grpc_call, metadata_reaches_the_service) {
  conversation c;
  c.peer.call(put, framed("a"), true,
              {{"token", "secret"},
               {"authorization", "other"},
               {"hasleader", "true"},
               {"client-api-version", "3.6"}});
  c.peer.call(put, framed("b"), true, {{"authorization", "bearer"}});
  c.peer.call(put, framed("c"), true, {{"authorization", "bearer"}});
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].metadata->token, "secret");
  EXPECT_TRUE(events[0].metadata->require_leader);
  EXPECT_EQ(events[0].metadata->client_api_version, "3.6");
  EXPECT_EQ(events[1].metadata->token, "bearer");
  EXPECT_FALSE(events[1].metadata->require_leader);
  EXPECT_EQ(events[2].metadata, events[1].metadata);
}

// A request whose message arrives late keeps its own metadata.
TEST(grpc_call, metadata_of_overlapping_calls_is_not_mixed_up) {
  conversation c;
  auto slow = c.peer.call(put, "", false, {{"token", "slow"}});
  c.run();
  c.peer.call(put, framed("b"), true, {{"token", "fast"}});
  c.run();
  c.peer.send(slow, framed("a"), true);
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].metadata->token, "fast");
  EXPECT_EQ(events[1].metadata->token, "slow");
}

struct refusal_case {
  std::string name;
  std::string path;
  header_list more;
  std::string body;
  std::string http_status;
  std::string status;
};

class grpc_refusals : public testing::TestWithParam<refusal_case> {};

// The words are grpc-go's, which etcd's clients know.
TEST_P(grpc_refusals, says_what_grpc_go_says_and_hands_nothing_on) {
  conversation c;
  auto id = c.peer.call(GetParam().path, GetParam().body, true, GetParam().more);
  c.run();
  EXPECT_EQ(c.peer.of(id).field(":status"), GetParam().http_status);
  EXPECT_EQ(c.peer.of(id).status(), GetParam().status);
  EXPECT_TRUE(c.peer.of(id).closed);
  EXPECT_TRUE(c.take().empty());
  EXPECT_EQ(c.link.open_calls(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
  all, grpc_refusals,
  testing::Values(
    refusal_case{
      "unknown_service", "/foo.Bar/Put", {}, framed("x"), "200", "12 unknown service foo.Bar"},
    refusal_case{"unknown_method",
                 "/etcdserverpb.KV/put",
                 {},
                 framed("x"),
                 "200",
                 "12 unknown method put for service etcdserverpb.KV"},
    refusal_case{"not_canonical",
                 "//etcdserverpb.KV/Put",
                 {},
                 framed("x"),
                 "200",
                 "12 unknown service /etcdserverpb.KV"},
    refusal_case{
      "no_service", "/nothing", {}, framed("x"), "200", "12 malformed method name: \"/nothing\""},
    refusal_case{"gzip",
                 put,
                 {{"grpc-encoding", "gzip"}},
                 framed("x", 1),
                 "200",
                 "12 grpc: Decompressor is not installed for grpc-encoding \"gzip\""},
    refusal_case{"compressed_without_encoding",
                 put,
                 {},
                 framed("x", 1),
                 "200",
                 "13 grpc: compressed flag set with identity or empty encoding"},
    refusal_case{"compressed_identity",
                 put,
                 {{"grpc-encoding", "identity"}},
                 framed("x", 1),
                 "200",
                 "13 grpc: compressed flag set with identity or empty encoding"},
    refusal_case{"strange_flag",
                 put,
                 {},
                 framed("x", 7),
                 "200",
                 "13 grpc: received unexpected payload format 7"},
    refusal_case{"no_message", put, {}, "", "200", "2 EOF"},
    refusal_case{"half_a_prefix", put, {}, framed("x").substr(0, 3), "200", "2 unexpected EOF"},
    refusal_case{
      "half_a_message", put, {}, framed("hello").substr(0, 7), "200", "2 unexpected EOF"},
    refusal_case{"half_a_message_to_a_stream",
                 snapshot,
                 {},
                 framed("hello").substr(0, 7),
                 "200",
                 "13 unexpected EOF"},
    refusal_case{"too_large",
                 put,
                 {},
                 std::string{"\0\0\x20\0\1", 5},
                 "200",
                 "8 grpc: received message larger than max (2097153 vs. 2097152)"},
    refusal_case{"timeout_unit",
                 put,
                 {{"grpc-timeout", "5x"}},
                 framed("x"),
                 "400",
                 "13 malformed grpc-timeout: transport: timeout unit is not recognized: \"5x\""},
    refusal_case{"timeout_short",
                 put,
                 {{"grpc-timeout", "S"}},
                 framed("x"),
                 "400",
                 "13 malformed grpc-timeout: transport: timeout string is too short: \"S\""},
    refusal_case{"timeout_long",
                 put,
                 {{"grpc-timeout", "123456789S"}},
                 framed("x"),
                 "400",
                 "13 malformed grpc-timeout: transport: timeout string is too long: "
                 "\"123456789S\""},
    refusal_case{"binary_metadata",
                 put,
                 {{"x-bin", "a*=="}},
                 framed("x"),
                 "400",
                 "13 malformed binary metadata \"a*==\" in header \"x-bin\": illegal base64 data "
                 "at input byte 1"}),
  [](const auto& info) { return info.param.name; });

TEST(grpc_call, what_is_no_grpc_gets_an_http_status) {
  conversation c;
  header_list get{{":method", "GET"}, {":scheme", "http"}, {":path", put}, {":authority", "a"}};
  auto plain = c.peer.submit(get, "", true);
  auto wrong_type = get;
  wrong_type[0].second = "POST";
  wrong_type.emplace_back("content-type", "application/grpcx");
  auto typed = c.peer.submit(wrong_type, "", true);
  get.emplace_back("content-type", "application/grpc+proto");
  auto method = c.peer.submit(get, "", true);
  c.run();
  EXPECT_EQ(c.peer.of(plain).field(":status"), "415");
  EXPECT_EQ(c.peer.of(plain).status(), "3 invalid gRPC request content-type \"\"");
  EXPECT_EQ(c.peer.of(typed).field(":status"), "415");
  EXPECT_EQ(c.peer.of(typed).status(), "3 invalid gRPC request content-type \"application/grpcx\"");
  EXPECT_EQ(c.peer.of(method).field(":status"), "405");
  EXPECT_EQ(c.peer.of(method).status(),
            "13 Received a HEADERS frame with :method \"GET\" which should be POST");
  EXPECT_TRUE(c.take().empty());
}

// What etcdctl 3.4 sends for an endpoint that was given as a URL.
TEST(grpc_call, the_authority_may_be_a_url) {
  conversation c;
  c.peer.submit({{":method", "POST"},
                 {":scheme", "http"},
                 {":path", put},
                 {":authority", "http://127.0.0.1:2379"},
                 {"content-type", "application/grpc"}},
                framed("x"), true);
  c.run();
  EXPECT_EQ(c.take().size(), 1u);
}

TEST(grpc_call, a_malformed_header_resets_its_stream_alone) {
  const header_list good{
    {":method", "POST"}, {":scheme", "http"}, {":path", put}, {"content-type", "application/grpc"}};
  auto without_path = good;
  without_path.erase(without_path.begin() + 2);
  auto doubled = good;
  doubled.insert(doubled.begin(), doubled.front());
  auto of_http1 = good;
  of_http1.emplace_back("connection", "close");
  conversation c;
  for (const auto& header : {without_path, doubled, of_http1}) {
    auto bad = c.peer.submit(header, framed("x"), true);
    c.run();
    EXPECT_TRUE(c.peer.of(bad).closed);
    EXPECT_NE(c.peer.of(bad).error, 0u);
    EXPECT_TRUE(c.take().empty());
  }
  c.peer.submit(good, framed("x"), true);
  c.run();
  EXPECT_EQ(c.take().size(), 1u);
}

TEST(grpc_call, messages_up_to_the_limit_pass) {
  conversation c;
  std::string largest(2'097'152, 'm');
  c.peer.call(put, framed(largest));
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events.front().body.view(), largest);
}

// Checklist 107: refused by its announced length, before anything is kept.
TEST(grpc_call, a_message_that_is_too_large_is_refused_before_it_arrives) {
  conversation c;
  auto id = c.peer.call(put, std::string{"\0\x10\0\0\0", 5}, false);
  c.run();
  EXPECT_EQ(c.peer.of(id).status(),
            "8 grpc: received message larger than max (268435456 vs. 2097152)");
  // The client may stop: its stream was reset without an error.
  EXPECT_TRUE(c.peer.of(id).closed);
  EXPECT_EQ(c.peer.of(id).error, 0u);
  EXPECT_EQ(c.link.buffered_bytes(), 0u);
}

TEST(grpc_call, what_follows_the_one_message_is_ignored) {
  conversation c;
  auto id = c.peer.call(put, framed("a") + framed("b") + "rest");
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events.front().body.view(), "a");
  c.answer(reply_with(events.front().call, blob{}));
  c.run();
  EXPECT_EQ(c.peer.of(id).status(), "0");
}

TEST(grpc_call, an_error_has_its_code_and_text_in_the_trailers) {
  conversation c;
  auto plain = c.peer.call(put, framed("a"));
  auto detailed = c.peer.call(put, framed("a"));
  c.run();
  c.answer(refuse_with({7, 42, plain}, errc::compacted));
  c.answer(refuse_with({7, 42, detailed}, errc::internal, "100% \xc3\xa9\n"));
  c.run();
  EXPECT_EQ(c.peer.of(plain).status(), "11 etcdserver: mvcc: required revision has been compacted");
  EXPECT_TRUE(c.peer.of(plain).trailer.empty()) << "one header block is enough";
  EXPECT_EQ(c.peer.of(detailed).status(), "13 100%25 %C3%A9%0A");
}

TEST(grpc_call, the_deadline_ends_a_call_on_both_sides) {
  conversation c;
  auto id = c.peer.call(put, framed("a"), true, {{"grpc-timeout", "1500m"}});
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].deadline, c.now + 1500ms);
  EXPECT_LE(c.link.next_check(), c.now + 1500ms);
  c.pass(1499ms);
  EXPECT_FALSE(c.peer.of(id).closed);
  c.pass(1ms);
  EXPECT_EQ(c.peer.of(id).status(), "4 context deadline exceeded");
  auto cancelled = c.take();
  ASSERT_EQ(cancelled.size(), 1u);
  EXPECT_EQ(cancelled[0].kind, what::cancel);
  EXPECT_EQ(cancelled[0].call, events[0].call);
  // The late answer goes nowhere.
  c.answer(reply_with(events[0].call, blob{std::string{"late"}}));
  c.run();
  EXPECT_EQ(c.peer.of(id).data, "");
}

TEST(grpc_call, a_reset_cancels) {
  conversation c;
  auto id = c.peer.call(put, framed("a"));
  c.run();
  c.take();
  c.peer.reset(id);
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::cancel);
  EXPECT_EQ(c.link.open_calls(), 0u);
}

TEST(grpc_call, a_lost_connection_cancels_what_is_open_and_nothing_else) {
  conversation c;
  auto answered = c.peer.call(put, framed("a"));
  auto open = c.peer.call(watch, framed("b"), false);
  auto incomplete = c.peer.call(put, framed("abc").substr(0, 6), false);
  c.run();
  c.take();
  c.answer(reply_with({7, 42, answered}, blob{}));
  c.link.lost(c.out);
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u) << "nobody was told of stream " << incomplete;
  EXPECT_EQ(events[0].kind, what::cancel);
  EXPECT_EQ(events[0].call.stream, open);
}

TEST(grpc_call, both_sides_of_a_stream_talk_independently) {
  conversation c;
  auto id = c.peer.call(watch, "", false);
  c.run();
  auto opened = c.take();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].kind, what::open);
  auto call = opened[0].call;
  c.answer(message_to(call, "early"));
  c.run();
  EXPECT_EQ(c.peer.of(id).data, framed("early"));
  c.peer.send(id, framed("one") + framed("two").substr(0, 6));
  c.run();
  c.peer.send(id, framed("two").substr(6), true);
  c.run();
  std::string heard;
  for (const auto& event : c.take())
    if (event.kind != what::writable)
      heard += std::to_string(static_cast<int>(event.kind)) + std::string{event.body.view()} + " ";
  EXPECT_EQ(heard, "2one 2two 3 ");
  EXPECT_FALSE(c.peer.of(id).closed) << "the client still reads after its half close";
  c.answer(message_to(call, "last"));
  c.answer({.call = call, .ends = true});
  c.run();
  EXPECT_EQ(c.peer.of(id).data, framed("early") + framed("last"));
  EXPECT_EQ(c.peer.of(id).status(), "0");
  EXPECT_TRUE(c.peer.of(id).closed);
}

TEST(grpc_call, a_broken_message_in_a_stream_cancels_it) {
  conversation c;
  auto id = c.peer.call(watch, framed("ok") + framed("bad", 9), false);
  c.run();
  auto events = c.take();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].kind, what::message);
  EXPECT_EQ(events[2].kind, what::cancel);
  EXPECT_EQ(c.peer.of(id).status(), "13 grpc: received unexpected payload format 9");
}

TEST(grpc_call, answers_to_unknown_streams_are_dropped) {
  conversation c;
  c.run();
  c.answer(reply_with({7, 42, 1}, blob{std::string{"nobody"}}));
  c.answer(reply_with({7, 42, 0}, blob{std::string{"nobody"}}));
  EXPECT_EQ(c.flush(), 0u);
}

} // namespace
