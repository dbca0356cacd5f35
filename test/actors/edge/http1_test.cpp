// HTTP/1.1 on the client port.

#include "actors/edge/connection.hpp"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <string>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

struct http1 : testing::Test {
  void receive(std::string_view bytes) {
    link.receive(bytes, now, out);
  }

  std::string written() {
    std::vector<char> bytes;
    while (link.wants_write())
      link.write(bytes, bytes.size() + 1'000, now, out);
    return {bytes.begin(), bytes.end()};
  }

  http_request take() {
    EXPECT_EQ(out.requests.size(), 1u);
    if (out.requests.empty())
      return {};
    auto result = std::move(out.requests.front());
    out.requests.clear();
    return result;
  }

  std::string answer(const http_request& request, std::string body) {
    http_response response{.call = request.call, .content_type = "text/plain"};
    response.body = std::move(body);
    // 1994-11-15 08:12:31
    link.answer(response, 784'887'151);
    return written();
  }

  connection_limits limits;
  time_point now{1h};
  heard out;
  edge_shared shared;
  connection link{limits, shared, {.edge = 7, .connection = 42}, "10.0.0.1:999", now};
};

TEST_F(http1, a_request_is_taken_apart) {
  shared.http.origins = {"http://elsewhere:80"};
  receive("POST /v3/kv/range?a=b&c=%20 HTTP/1.1\r\nHost: member:2379\r\n"
          "Grpc-Metadata-Token: T\r\nContent-Length: 5\r\n\r\nhello");
  auto request = take();
  EXPECT_EQ(request.call, (call_id{7, 42, 1}));
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v3/kv/range");
  EXPECT_EQ(request.query, "a=b&c=%20");
  EXPECT_EQ(request.host, "member:2379");
  EXPECT_EQ(request.body.view(), "hello");
  EXPECT_EQ(request.remote, "10.0.0.1:999");
  ASSERT_EQ(request.headers.size(), 2u);
  EXPECT_EQ(request.headers[0], (http_header{"grpc-metadata-token", "T"}));
  EXPECT_EQ(answer(request, "ok"), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                   "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
                                   "Content-Length: 2\r\n\r\nok");
  EXPECT_FALSE(link.finished());
}

TEST_F(http1, every_split_of_the_bytes_means_the_same) {
  const std::string bytes = "PUT /v2/keys/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                            "\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    connection fresh{limits, shared, {}, "", now};
    heard heard;
    fresh.receive(std::string_view{bytes}.substr(0, cut), now, heard);
    fresh.receive(std::string_view{bytes}.substr(cut), now, heard);
    ASSERT_EQ(heard.requests.size(), 1u) << "cut at " << cut;
    ASSERT_EQ(heard.requests[0].method, "PUT");
    ASSERT_EQ(heard.requests[0].path, "/v2/keys/a");
    ASSERT_EQ(heard.requests[0].body.view(), "hello world");
  }
  for (char c : bytes)
    receive({&c, 1});
  EXPECT_EQ(take().body.view(), "hello world");
}

// "P" could still become the preface of HTTP/2.
TEST_F(http1, methods_that_begin_like_the_http2_preface_are_methods) {
  receive("PR");
  EXPECT_TRUE(out.requests.empty());
  receive("OPFIND / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(take().method, "PROPFIND");
}

TEST_F(http1, pipelined_requests_are_handed_on_one_by_one) {
  receive("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  auto first = take();
  EXPECT_EQ(first.path, "/1");
  EXPECT_TRUE(answer(first, "one").ends_with("one"));
  auto second = take();
  EXPECT_EQ(second.path, "/2");
  EXPECT_NE(second.call, first.call);
  // An answer to the first comes too late.
  EXPECT_EQ(answer(first, "one"), "");
  EXPECT_TRUE(answer(second, "two").ends_with("two"));
}

TEST_F(http1, the_next_request_waits_until_the_answer_has_left) {
  for (int i = 0; i < 3'000; ++i)
    receive("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  http_response response{.call = take().call};
  response.body.assign(1'000'000, 'b');
  link.answer(response, 0);
  EXPECT_TRUE(out.requests.empty());
  EXPECT_TRUE(link.wants_pause());
  EXPECT_GE(shared.answers, 1'000'000u);
  EXPECT_EQ(link.next_check(), time_point::max()) << "the idle time has not begun";
  std::vector<char> bytes;
  while (link.wants_write()) {
    EXPECT_TRUE(out.requests.empty());
    link.write(bytes, bytes.size() + 100'000, now, out);
  }
  EXPECT_EQ(shared.answers, 0u);
  EXPECT_EQ(take().call.stream, 2u);
}

TEST_F(http1, a_client_that_only_sends_is_paused) {
  receive("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(link.wants_pause());
  for (int i = 0; i < 70; ++i)
    receive(std::string(1'000, 'x'));
  EXPECT_TRUE(link.wants_pause());
}

TEST_F(http1, head_has_a_length_and_no_body) {
  receive("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n");
  auto text = answer(take(), "12345");
  EXPECT_NE(text.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST_F(http1, the_client_may_ask_to_close) {
  receive("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  auto text = answer(take(), "x");
  EXPECT_NE(text.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(link.finished());
}

TEST_F(http1, version_1_0_closes_unless_it_asks_otherwise) {
  receive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto kept = answer(take(), "x");
  EXPECT_TRUE(kept.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_NE(kept.find("Connection: keep-alive\r\n"), std::string::npos);
  receive("GET / HTTP/1.0\r\n\r\n");
  answer(take(), "x");
  EXPECT_TRUE(link.finished());
}

TEST_F(http1, a_client_that_asks_first_is_told_to_continue) {
  receive("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(written(), "HTTP/1.1 100 Continue\r\n\r\n");
  receive("ab");
  EXPECT_EQ(written(), "");
  EXPECT_EQ(take().body.view(), "ab");
}

std::string many(std::string_view one, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i)
    result += one;
  return result;
}

TEST_F(http1, fields_up_to_the_limit_are_taken) {
  receive("GET / HTTP/1.1\r\nHost: x\r\n" + many("a:\r\n", 255) + "\r\n");
  EXPECT_EQ(take().headers.size(), 255u);
}

TEST_F(http1, fields_behind_the_body_do_not_join_the_header) {
  receive("POST / HTTP/1.1\r\nHost: good\r\nTransfer-Encoding: Chunked\r\n\r\n"
          "2\r\n{}\r\n0\r\nHost: evil\r\nAuthorization: x\r\nConnection: close\r\n\r\n");
  auto request = take();
  EXPECT_EQ(request.host, "good");
  ASSERT_EQ(request.headers.size(), 1u);
  EXPECT_EQ(request.headers[0].first, "transfer-encoding");
  EXPECT_EQ(request.body.view(), "{}");
  EXPECT_EQ(answer(request, "x").find("Connection"), std::string::npos);
}

struct refused_case {
  std::string name;
  std::string bytes;
  std::string status;
};

class http1_refusals : public http1, public testing::WithParamInterface<refused_case> {};

TEST_P(http1_refusals, answer_and_close) {
  receive(GetParam().bytes);
  EXPECT_TRUE(written().starts_with("HTTP/1.1 " + GetParam().status + " "));
  EXPECT_TRUE(link.finished());
  EXPECT_TRUE(out.requests.empty());
  receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(out.requests.empty());
}

INSTANTIATE_TEST_SUITE_P(
  all, http1_refusals,
  testing::Values(
    refused_case{"garbage", "\x01\x02\x03 nonsense\r\n\r\n", "400"},
    refused_case{"bad_field", "GET / HTTP/1.1\r\nHo st: x\r\n\r\n", "400"},
    refused_case{"two_lengths",
                 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
                 "400"},
    refused_case{"length_and_chunked",
                 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: "
                 "chunked\r\n\r\n",
                 "400"},
    refused_case{"no_host", "GET / HTTP/1.1\r\n\r\n", "400"},
    refused_case{"two_hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "400"},
    refused_case{"two_hosts_and_a_body",
                 "POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}", "400"},
    refused_case{"two_hosts_in_1_0", "GET / HTTP/1.0\r\nHost: x\r\nhost: y\r\n\r\n", "400"},
    refused_case{"chunked_in_1_0",
                 "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                 "400"},
    refused_case{"identity_behind_chunked",
                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n"
                 "2\r\n{}\r\n0\r\n\r\n",
                 "400"},
    refused_case{"identity_before_chunked",
                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                 "400"},
    refused_case{"unknown_coding",
                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n"
                 "Content-Length: 2\r\n\r\n{}",
                 "400"},
    refused_case{"many_fields", "GET / HTTP/1.1\r\nHost: x\r\n" + many("a:\r\n", 256) + "\r\n",
                 "431"},
    refused_case{"version", "GET / HTTP/7.0\r\nHost: x\r\n\r\n", "505"},
    refused_case{"long_header", "GET / HTTP/1.1\r\nX: " + std::string(70'000, 'x'), "431"},
    // Refused by its announced length.
    refused_case{"large_body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 268435456\r\n\r\n",
                 "413"},
    refused_case{"large_body_that_begins",
                 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 268435456\r\n\r\nxyz", "413"},
    refused_case{"large_chunked_body",
                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "300000\r\n"
                   + std::string(0x300000, 'x'),
                 "413"}),
  [](const auto& info) { return info.param.name; });

TEST_F(http1, a_slow_header_is_given_up) {
  receive("GET / HTT");
  EXPECT_EQ(link.next_check(), now + 10s);
  now += 10s;
  link.check(now, out);
  EXPECT_TRUE(written().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(link.finished());
}

// Each byte on time, the whole too late.
TEST_F(http1, a_body_that_trickles_in_is_given_up) {
  receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 60; ++i) {
    receive("x");
    now += 1s;
    if (link.next_check() <= now)
      link.check(now, out);
  }
  EXPECT_TRUE(written().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(link.finished());
}

TEST_F(http1, an_idle_connection_is_closed_without_a_word) {
  receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(link.next_check(), time_point::max()) << "we take the time we need";
  answer(take(), "x");
  EXPECT_EQ(link.next_check(), now + 75s);
  now += 75s;
  link.check(now, out);
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(link.finished());
}

TEST_F(http1, draining_closes_behind_the_open_request) {
  receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  link.drain(now);
  EXPECT_FALSE(link.finished());
  auto text = answer(take(), "x");
  EXPECT_NE(text.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(link.finished());
}

TEST_F(http1, a_large_answer_leaves_in_pieces) {
  receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto request = take();
  http_response response{.call = request.call};
  response.body.assign(3'000'000, 'b');
  link.answer(response, 0);
  std::string all;
  while (link.wants_write()) {
    std::vector<char> bytes;
    link.write(bytes, 32'768, now, out);
    ASSERT_LE(bytes.size(), 32'768u);
    all.append(bytes.begin(), bytes.end());
  }
  EXPECT_EQ(std::count(all.begin(), all.end(), 'b'), 3'000'000);
  EXPECT_EQ(link.buffered_bytes(), 0u);
}

// One connection has one answer at a time, so nobody holds much: whoever comes later is refused.
TEST_F(http1, while_too_many_answers_wait_the_gateway_takes_no_request) {
  shared.http.gateway_prefixes = {"/v3/"};
  shared.max_answers = 1'000'000;
  byte_share others{shared.answers};
  others.set(1'000'001);
  receive("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer(take(), "healthy").ends_with("healthy")) << "that costs nothing";
  receive("POST /v3/kv/range?x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_TRUE(out.requests.empty());
  EXPECT_TRUE(written().starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(link.finished());
}

TEST_F(http1, a_large_answer_for_which_there_is_no_room_is_dropped) {
  shared.max_answers = 1'000'000;
  byte_share others{shared.answers};
  auto ask = [this](std::size_t size) {
    receive("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    return answer(take(), std::string(size, 'b'));
  };
  others.set(1'000'000);
  EXPECT_TRUE(ask(2'000'000).starts_with("HTTP/1.1 200 ")) << "one may be larger than the rest";
  others.set(1'000'001);
  EXPECT_TRUE(ask(60'000).starts_with("HTTP/1.1 200 "));
  auto refused = ask(70'000);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 "));
  EXPECT_LT(refused.size(), 1'000u);
  others.set(0);
  EXPECT_TRUE(ask(70'000).starts_with("HTTP/1.1 200 ")) << "the connection goes on";
}

// Each piece that leaves is copied once, the rest stays where it is: a large answer costs no more
// per byte than a small one.
TEST(byte_queue, takes_over_what_is_large_and_moves_nothing_that_stays) {
  byte_queue queue;
  std::string large(1'000'000, 'b');
  const auto* memory = large.data();
  queue.append("header");
  queue.append(std::move(large));
  queue.append("end");
  queue.append(std::string{});
  std::vector<char> sent;
  queue.move_to(sent, 7);
  EXPECT_EQ((std::string{sent.begin(), sent.end()}), "headerb");
  EXPECT_EQ(queue.bytes(), 1'000'002u);
  EXPECT_EQ(queue.front().data(), memory + 1);
  queue.move_to(sent, 900'000);
  EXPECT_EQ(queue.front().data(), memory + 900'001);
  queue.move_to(sent, 100'002);
  EXPECT_EQ((std::string{sent.end() - 4, sent.end()}), "bend");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front(), "");
}

} // namespace
