// HTTP/1.1 on the client port: answers in parts, requests whose bodies go on, and who may ask.

#include "actors/edge/connection.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

using what = http_event::what;

constexpr const char* get = "GET /v3/x HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* post = "POST /v3/watch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                             "\r\n";

struct http1_stream : testing::Test {
  http1_stream() {
    shared.http.streamed_paths = {"/v3/watch"};
  }

  void receive(std::string_view bytes) {
    link.receive(bytes, now, out);
  }

  std::string write(std::size_t most) {
    std::vector<char> bytes;
    if (link.wants_write())
      link.write(bytes, most, now, out);
    return {bytes.begin(), bytes.end()};
  }

  std::string written() {
    std::string result;
    while (link.wants_write())
      result += write(10'000);
    return result;
  }

  call_id take() {
    EXPECT_EQ(out.requests.size(), 1u);
    auto requests = std::exchange(out.requests, {});
    return requests.empty() ? call_id{} : requests[0].call;
  }

  std::vector<http_event> take_events() {
    return std::exchange(out.http_events, {});
  }

  std::vector<what> kinds() {
    std::vector<what> result;
    for (const auto& event : take_events())
      result.push_back(event.kind);
    return result;
  }

  std::string begin(call_id call, std::string body = {}) {
    http_response response{.call = call, .content_type = "application/json", .headers = {}};
    response.body = std::move(body);
    response.body_goes_on = true;
    link.answer(response, 0);
    return written();
  }

  std::string part(call_id call, std::string bytes, bool last = false) {
    link.answer(http_body_part{call, std::move(bytes), last}, out);
    return written();
  }

  connection_limits limits;
  time_point now{1h};
  heard out;
  edge_shared shared;
  connection link{limits, shared, {.edge = 7, .connection = 42}, "10.0.0.1:999", now};
};

TEST_F(http1_stream, parts_are_chunks) {
  receive(get);
  auto call = take();
  auto header = begin(call);
  EXPECT_TRUE(header.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(header.find("\r\nTransfer-Encoding: chunked\r\n"), header.npos);
  EXPECT_EQ(header.find("Content-Length"), header.npos);
  EXPECT_EQ(header.find("Connection"), header.npos);
  EXPECT_TRUE(header.ends_with("\r\n\r\n"));
  EXPECT_EQ(part(call, std::string(26, 'x')), "1a\r\n" + std::string(26, 'x') + "\r\n");
  EXPECT_EQ(part(call, ""), "") << "an empty chunk would be the end";
  EXPECT_EQ(part(call, "end", true), "3\r\nend\r\n0\r\n\r\n");
  EXPECT_FALSE(link.finished());
  receive(get);
  EXPECT_NE(take(), call) << "the connection goes on";
}

TEST_F(http1_stream, the_first_part_may_come_with_the_header) {
  receive(get);
  EXPECT_TRUE(begin(take(), "first").ends_with("\r\n\r\n5\r\nfirst\r\n"));
}

TEST_F(http1_stream, the_last_part_may_be_empty) {
  receive(get);
  auto call = take();
  begin(call);
  EXPECT_EQ(part(call, "", true), "0\r\n\r\n");
}

TEST_F(http1_stream, to_version_1_0_a_body_goes_on_until_the_connection_ends) {
  receive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto call = take();
  auto header = begin(call);
  EXPECT_EQ(header.find("Transfer-Encoding"), header.npos);
  EXPECT_EQ(header.find("Content-Length"), header.npos);
  EXPECT_NE(header.find("Connection: close\r\n"), header.npos);
  EXPECT_EQ(part(call, "one"), "one");
  EXPECT_FALSE(link.finished());
  EXPECT_EQ(part(call, "two", true), "two");
  EXPECT_TRUE(link.finished());
}

TEST_F(http1_stream, head_gets_no_parts) {
  receive("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto call = take();
  EXPECT_TRUE(begin(call, "body").ends_with("\r\n\r\n"));
  EXPECT_EQ(part(call, "one"), "");
  EXPECT_EQ(part(call, "two", true), "");
  receive(get);
  EXPECT_NE(take(), call);
}

TEST_F(http1_stream, parts_for_others_are_dropped) {
  receive(get);
  auto call = take();
  EXPECT_EQ(part(call, "x"), "") << "no answer has begun";
  begin(call);
  auto other = call;
  other.stream += 1;
  EXPECT_EQ(part(other, "x"), "");
  part(call, "", true);
  EXPECT_EQ(part(call, "x"), "") << "the answer is complete";
  http_response again{.call = call};
  link.answer(again, 0);
  EXPECT_EQ(written(), "");
}

TEST_F(http1_stream, a_pipelined_request_waits_for_the_last_part) {
  receive(std::string{get} + get);
  auto call = take();
  begin(call);
  part(call, "x");
  EXPECT_TRUE(out.requests.empty());
  part(call, "", true);
  EXPECT_NE(take(), call);
}

TEST_F(http1_stream, an_answer_may_be_silent_for_ever) {
  receive(get);
  begin(take());
  EXPECT_EQ(link.next_check(), time_point::max());
}

TEST_F(http1_stream, whoever_sends_parts_hears_when_the_client_has_read) {
  receive(get);
  auto call = take();
  begin(call);
  EXPECT_EQ(kinds(), std::vector{what::writable}) << "the header has left";
  link.answer(http_body_part{call, std::string(100'000, 'x')}, out);
  write(20'000);
  EXPECT_EQ(kinds(), std::vector<what>{}) << "80 KB are above the low water";
  write(20'000);
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::writable);
  EXPECT_EQ(events[0].call, call);
  written();
  EXPECT_EQ(kinds(), std::vector<what>{}) << "once";
  part(call, "x", true);
  EXPECT_EQ(kinds(), std::vector<what>{}) << "nothing more is welcome";
}

TEST_F(http1_stream, a_complete_answer_needs_no_more) {
  receive(get);
  http_response response{.call = take()};
  response.body = "x";
  link.answer(response, 0);
  written();
  EXPECT_EQ(kinds(), std::vector<what>{});
}

TEST_F(http1_stream, a_client_that_falls_too_far_behind_is_cut) {
  limits.max_stream_unsent_bytes = 100'000;
  receive(get);
  auto call = take();
  begin(call);
  take_events();
  link.answer(http_body_part{call, std::string(150'000, 'x')}, out);
  EXPECT_GE(shared.answers, 150'000u);
  EXPECT_FALSE(link.finished()) << "one part of any size may join";
  link.answer(http_body_part{call, "x"}, out);
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::gone);
  EXPECT_EQ(events[0].call, call);
  EXPECT_TRUE(link.finished());
  EXPECT_EQ(written(), "") << "without the last chunk the client sees that it was cut";
  EXPECT_EQ(shared.answers, 0u);
  link.lost(out);
  EXPECT_EQ(kinds(), std::vector<what>{}) << "told once";
}

TEST_F(http1_stream, a_lost_connection_is_told_while_something_is_open) {
  link.lost(out);
  EXPECT_EQ(kinds(), std::vector<what>{});
  receive(get);
  auto call = take();
  link.lost(out);
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::gone);
  EXPECT_EQ(events[0].call, call);
}

TEST_F(http1_stream, an_answered_request_is_not_gone) {
  receive(get);
  auto call = take();
  begin(call);
  take_events();
  link.answer(http_body_part{call, "x", true}, out);
  link.lost(out);
  EXPECT_EQ(kinds(), std::vector<what>{});
}

TEST_F(http1_stream, draining_closes_behind_the_last_part) {
  receive(get);
  auto call = take();
  begin(call);
  link.drain(now);
  EXPECT_FALSE(link.finished());
  part(call, "", true);
  EXPECT_TRUE(link.finished());
}

// -- requests whose bodies go on

TEST_F(http1_stream, a_body_is_handed_on_as_it_arrives) {
  receive(std::string{post} + "5\r\nhel");
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_TRUE(out.requests[0].body_goes_on);
  EXPECT_EQ(out.requests[0].body.view(), "hel");
  auto call = take();
  receive("lo\r\n");
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::body);
  EXPECT_EQ(events[0].call, call);
  EXPECT_EQ(events[0].body.view(), "lo");
  EXPECT_FALSE(events[0].last);
  // The answer begins before the request ends.
  EXPECT_NE(begin(call).find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_EQ(part(call, "x"), "1\r\nx\r\n");
  take_events();
  receive("1\r\n!\r\n0\r\n\r\n");
  events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].body.view(), "!");
  EXPECT_TRUE(events[0].last);
  EXPECT_EQ(part(call, "", true), "0\r\n\r\n");
  receive(get);
  EXPECT_NE(take(), call) << "the connection goes on";
}

TEST_F(http1_stream, a_body_of_known_length_is_handed_on_too) {
  receive("POST /v3/watch?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
  EXPECT_TRUE(out.requests.at(0).body_goes_on);
  receive("cd");
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].body.view(), "cd");
  EXPECT_TRUE(events[0].last);
}

TEST_F(http1_stream, a_body_that_is_there_at_once_is_complete) {
  receive("POST /v3/watch HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_FALSE(out.requests.at(0).body_goes_on);
  EXPECT_EQ(out.requests.at(0).body.view(), "ab");
  EXPECT_EQ(kinds(), std::vector<what>{});
}

TEST_F(http1_stream, other_requests_are_handed_on_complete) {
  receive("POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
  EXPECT_TRUE(out.requests.empty());
  EXPECT_EQ(link.next_check(), now + limits.body_timeout);
}

TEST_F(http1_stream, a_body_may_go_on_for_ever) {
  receive("POST /v3/watch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: "
          "chunked\r\n\r\n");
  auto call = take();
  EXPECT_EQ(written(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(link.next_check(), time_point::max());
  std::size_t received = 0;
  for (int i = 0; i < 40; ++i) {
    receive("20000\r\n" + std::string(0x20000, 'x') + "\r\n");
    for (const auto& event : take_events())
      received += event.body.size();
    if (i == 0)
      begin(call);
    part(call, "x");
    EXPECT_FALSE(link.wants_pause());
  }
  EXPECT_EQ(received, 40 * 0x20000u) << "more than any complete body may have";
  EXPECT_LE(shared.requests, 2u) << "the end of a chunk";
}

TEST_F(http1_stream, a_client_that_sends_more_than_it_is_answered_is_paused) {
  receive(post);
  auto call = take();
  for (int i = 0; i < 9; ++i) {
    EXPECT_FALSE(link.wants_pause());
    receive("20000\r\n" + std::string(0x20000, 'x') + "\r\n");
  }
  EXPECT_TRUE(link.wants_pause());
  begin(call);
  EXPECT_TRUE(link.wants_pause());
  part(call, "x");
  EXPECT_FALSE(link.wants_pause());
}

TEST_F(http1_stream, a_client_that_is_paused_does_not_wait_for_ever) {
  const auto much = "200000\r\n" + std::string(0x200000, 'x') + "\r\n";
  receive(std::string{post} + much);
  auto call = take();
  EXPECT_TRUE(link.wants_pause());
  EXPECT_EQ(link.next_check(), now + limits.body_timeout);
  begin(call);
  part(call, "x");
  EXPECT_EQ(link.next_check(), time_point::max()) << "whoever is answered goes on";
  receive(much);
  part(call, "x");
  receive(much);
  take_events();
  now += limits.body_timeout;
  link.check(now, out);
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::gone);
  EXPECT_EQ(events[0].call, call);
  EXPECT_TRUE(link.finished());
}

TEST_F(http1_stream, a_paused_client_that_got_no_answer_yet_is_told) {
  receive(std::string{post} + "200000\r\n" + std::string(0x200000, 'x') + "\r\n");
  take();
  now += limits.body_timeout;
  link.check(now, out);
  EXPECT_EQ(kinds(), std::vector{what::gone});
  EXPECT_TRUE(written().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(link.finished());
}

TEST_F(http1_stream, an_answer_before_the_end_of_the_request_closes) {
  receive(std::string{post} + "5\r\nhel");
  http_response response{.call = take(), .status = 400};
  link.answer(response, 0);
  EXPECT_NE(written().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(link.finished());
  receive("lo\r\n0\r\n\r\n");
  EXPECT_EQ(kinds(), std::vector<what>{});
}

TEST_F(http1_stream, the_end_of_the_answer_before_that_of_the_request_closes) {
  receive(post);
  auto call = take();
  begin(call);
  take_events();
  part(call, "", true);
  EXPECT_TRUE(link.finished());
  EXPECT_EQ(kinds(), std::vector<what>{});
}

TEST_F(http1_stream, a_broken_body_is_refused_while_that_can_be_said) {
  receive(post);
  auto call = take();
  receive("nonsense\r\n");
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::gone);
  EXPECT_EQ(events[0].call, call);
  EXPECT_TRUE(written().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(link.finished());
}

TEST_F(http1_stream, a_broken_body_behind_the_beginning_of_the_answer_cuts) {
  receive(post);
  auto call = take();
  begin(call);
  take_events();
  receive("nonsense\r\n");
  EXPECT_EQ(kinds(), std::vector{what::gone});
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(link.finished());
  EXPECT_EQ(part(call, "x"), "");
}

// -- who may ask

TEST_F(http1_stream, pages_of_every_origin_may_read_answers) {
  receive(get);
  http_response response{.call = take()};
  link.answer(response, 0);
  auto text = written();
  EXPECT_NE(text.find("\r\nAccess-Control-Allow-Headers: accept, content-type, authorization\r\n"
                      "Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n"
                      "Access-Control-Allow-Origin: *\r\n"),
            text.npos);
}

TEST_F(http1_stream, or_those_of_some) {
  shared.http.origins = {"http://a:1", "https://b:2"};
  auto ask = [this](const std::string& origin) {
    receive("GET / HTTP/1.1\r\nHost: x\r\n" + origin + "\r\n");
    http_response response{.call = take()};
    link.answer(response, 0);
    return written();
  };
  EXPECT_NE(ask("Origin: https://b:2\r\n").find("Access-Control-Allow-Origin: https://b:2\r\n"),
            std::string::npos);
  EXPECT_EQ(ask("Origin: https://c:2\r\n").find("Access-Control"), std::string::npos);
  EXPECT_EQ(ask("").find("Access-Control"), std::string::npos);
}

TEST(http_rules, options_is_answered_at_once) {
  http_rules rules;
  auto answer = rules.answer_at_once({.call = {1, 2, 3}, .method = "OPTIONS", .host = "x"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->call, (call_id{1, 2, 3}));
  EXPECT_EQ(answer->status, 200u);
  EXPECT_EQ(answer->body, "");
  EXPECT_FALSE(rules.answer_at_once({.method = "GET", .host = "x"}));
}

TEST(http_rules, only_known_names_of_this_member_are_served) {
  http_rules rules;
  rules.hosts = {"127.0.0.1", "a.example", "::1"};
  for (const char* host : {"127.0.0.1", "127.0.0.1:2379", "a.example:1", "[::1]:2379"})
    EXPECT_FALSE(rules.answer_at_once({.method = "GET", .host = host})) << host;
  for (const char* host : {"evil.com", "evil.com:2379", "", "A.example", "a.example.", "[::1]",
                           "x@a.example:1", "a.example:1:2", "*"}) {
    auto answer = rules.answer_at_once({.method = "OPTIONS", .host = host});
    ASSERT_TRUE(answer) << host;
    EXPECT_EQ(answer->status, 421u);
    EXPECT_FALSE(answer->cross_origin);
  }
  // Exactly etcd's words.
  EXPECT_EQ(rules.answer_at_once({.method = "GET", .host = "evil.com:1"})->body,
            "\netcd received your request, but the Host header was unrecognized.\n\n"
            "To fix this, choose one of the following options:\n"
            "- Enable TLS, then any HTTPS request will be allowed.\n"
            "- Add the hostname you want to use to the whitelist in settings.\n"
            "  - e.g. etcd --host-whitelist \"evil.com\"\n\n"
            "This requirement has been added to help prevent \"DNS Rebinding\" attacks "
            "(CVE-2018-5702).\n\n");
  rules.hosts = {};
  EXPECT_FALSE(rules.answer_at_once({.method = "GET", .host = "evil.com"}));
  rules.hosts = {"a", "*"};
  EXPECT_FALSE(rules.answer_at_once({.method = "GET", .host = "evil.com"}));
}

TEST(http_rules, prefixes_and_streamed_paths) {
  http_rules rules{.gateway_prefixes = {"/v3/"}, .streamed_paths = {"/v3/watch"}};
  EXPECT_TRUE(rules.is_gateway_path("/v3/kv/put"));
  EXPECT_FALSE(rules.is_gateway_path("/v3"));
  EXPECT_FALSE(rules.is_gateway_path("/x/v3/"));
  EXPECT_TRUE(rules.streams_body("POST", "/v3/watch"));
  EXPECT_FALSE(rules.streams_body("PUT", "/v3/watch"));
  EXPECT_FALSE(rules.streams_body("POST", "/v3/watch/"));
}

} // namespace
