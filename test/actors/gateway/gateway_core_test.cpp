#include "actors/gateway/gateway_core.hpp"
#include "actors/gateway/routes.hpp"
#include "messages/proto/rpc.pb.h"

#include <algorithm>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace troupe::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using what = call_event::what;

constexpr call_id client{1, 42, 7};

class gateway_core_test : public testing::Test {
protected:
  static constexpr std::uint32_t edge = 99;

  gateway_output post(std::string path, std::string body, std::vector<http_header> headers = {},
                      call_id call = client, bool body_goes_on = false) {
    http_request request{.call = call,
                         .method = "POST",
                         .path = std::move(path),
                         .headers = std::move(headers),
                         .body = blob{std::move(body)},
                         .remote = "10.0.0.1:1",
                         .body_goes_on = body_goes_on};
    return on(request);
  }

  template <class Event>
  gateway_output on(const Event& event) {
    gateway_output out;
    core.on(event, now, out);
    return out;
  }

  gateway_output more(std::string body, bool last) {
    return on(
      http_event{.kind = http_event::what::body, .call = client, .body = blob{body}, .last = last});
  }

  gateway_output answer(rpc_answer answer) {
    return on(rpc_answers{{std::move(answer)}});
  }

  template <class Message>
  static rpc_answer part(const call_event& call, const Message& message) {
    return {.call = call.call,
            .has_message = true,
            .message = blob{message.SerializeAsString()},
            .tail = {}};
  }

  static std::vector<what> kinds(const gateway_output& out) {
    std::vector<what> result;
    for (const auto& event : out.calls)
      result.push_back(event.kind);
    return result;
  }

  /// A watch whose first answer has come.
  call_event watching() {
    auto open = post("/v3/watch", R"({"create_request":{"key":"YQ=="}})").calls.at(0);
    etcdserverpb::WatchResponse created;
    created.set_created(true);
    answer(part(open, created));
    return open;
  }

  const metrics::rpc_counters::method_counters& counted(rpc_method method) const {
    return counters->of(method);
  }

  gateway_config config{.edge = edge,
                        .max_open_calls = 3,
                        .max_message_bytes = 1'000,
                        .max_object_bytes = 2'000,
                        .max_held_bytes = 5'000,
                        .max_unanswered = 4};
  std::shared_ptr<metrics::rpc_counters> counters = std::make_shared<metrics::rpc_counters>();
  time_point now{1h};
  gateway_core core{config, counters};
};

TEST_F(gateway_core_test, a_call_goes_out_and_its_answer_comes_back) {
  auto asked = post("/v3/kv/range", R"({"key":"YQ=="})");
  ASSERT_EQ(asked.calls.size(), 1u);
  EXPECT_TRUE(asked.responses.empty());
  const auto& call = asked.calls[0];
  EXPECT_EQ(call.kind, what::request);
  EXPECT_EQ(call.method, rpc_method::kv_range);
  EXPECT_EQ(call.call.edge, edge);
  EXPECT_EQ(call.deadline, time_point::max());
  EXPECT_EQ(call.metadata->remote, "10.0.0.1:1");
  etcdserverpb::RangeRequest request;
  ASSERT_TRUE(request.ParseFromString(std::string{call.body.view()}));
  EXPECT_EQ(request.key(), "a");

  etcdserverpb::RangeResponse response;
  response.set_count(3);
  auto out = answer(reply_with(call.call, blob{response.SerializeAsString()}));
  ASSERT_EQ(out.responses.size(), 1u);
  const auto& http = out.responses[0];
  EXPECT_EQ(http.call, client);
  EXPECT_EQ(http.status, 200u);
  EXPECT_EQ(http.content_type, "application/json");
  EXPECT_THAT(http.headers,
              ElementsAre(http_header{"Grpc-Metadata-Content-Type", "application/grpc"}));
  EXPECT_EQ(http.body, R"({"count":"3"})");
  EXPECT_FALSE(http.body_goes_on);
  EXPECT_EQ(core.open_calls(), 0u);
  EXPECT_EQ(counted(rpc_method::kv_range).started.value(), 1u);
  EXPECT_EQ(counted(rpc_method::kv_range).received.value(), 1u);
  EXPECT_EQ(counted(rpc_method::kv_range).sent.value(), 1u);
  EXPECT_EQ(counted(rpc_method::kv_range).handled[0].value(), 1u);
}

TEST_F(gateway_core_test, an_answer_may_come_as_head_and_tail) {
  auto call = post("/v3/kv/range", R"({"key":"YQ=="})").calls.at(0);
  etcdserverpb::RangeResponse response;
  response.set_more(true);
  response.set_count(3);
  auto bytes = response.SerializeAsString();
  auto reply = reply_with(call.call, blob{bytes.substr(0, 2)});
  reply.tail = blob{bytes.substr(2)};
  EXPECT_EQ(answer(reply).responses.at(0).body, R"({"more":true,"count":"3"})");
}

TEST_F(gateway_core_test, every_route_has_all_prefixes_and_calls_its_method) {
  EXPECT_EQ(routes().size(), 51u);
  for (const auto& route : routes())
    for (auto prefix : path_prefixes()) {
      gateway_core fresh{config, nullptr};
      http_request request{.method = "POST", .path = std::string{prefix} + std::string{route.path}};
      gateway_output out;
      fresh.on(request, now, out);
      ASSERT_FALSE(out.calls.empty()) << request.path;
      EXPECT_EQ(out.calls[0].method, route.method) << request.path;
      EXPECT_EQ(out.calls[0].kind,
                shape_of(route.method).client_stream ? what::open : what::request)
        << request.path;
    }
}

TEST_F(gateway_core_test, streams_of_requests_are_watch_and_keep_alive) {
  EXPECT_THAT(streamed_paths(),
              ElementsAre("/v3/watch", "/v3beta/watch", "/v3alpha/watch", "/v3/lease/keepalive",
                          "/v3beta/lease/keepalive", "/v3alpha/lease/keepalive"));
}

TEST_F(gateway_core_test, unknown_paths_and_methods_are_errors_in_json) {
  for (const char* path : {"/v3/kv/nothing", "/v3/", "/v3/kv/range/", "/v3/kv/Range",
                           "/v3/kv/%70ut", "/v3/v3/kv/put", "/v4/kv/put"}) {
    auto out = post(path, "{}");
    ASSERT_EQ(out.responses.size(), 1u) << path;
    EXPECT_EQ(out.responses[0].status, 404u) << path;
    EXPECT_EQ(out.responses[0].body, R"({"code":5,"message":"Not Found"})");
  }
  for (const char* method : {"GET", "HEAD", "PUT", "post"}) {
    auto out = on(http_request{.call = client, .method = method, .path = "/v3/kv/range"});
    ASSERT_EQ(out.responses.size(), 1u) << method;
    EXPECT_EQ(out.responses[0].status, 501u) << method;
    EXPECT_EQ(out.responses[0].body, R"({"code":12,"message":"Method Not Allowed"})");
    EXPECT_TRUE(out.calls.empty());
  }
}

TEST_F(gateway_core_test, an_empty_body_is_an_empty_request) {
  for (const char* body : {"", " \r\n\t", "{}"}) {
    auto out = post("/v3/maintenance/status", body);
    ASSERT_EQ(out.calls.size(), 1u) << body;
    EXPECT_TRUE(out.calls[0].body.empty());
    answer(reply_with(out.calls[0].call, {}));
  }
}

TEST_F(gateway_core_test, what_follows_the_first_object_is_not_looked_at) {
  EXPECT_EQ(post("/v3/kv/range", R"({"key":"YQ=="} trailing)").calls.size(), 1u);
}

TEST_F(gateway_core_test, bad_json_is_refused_before_anything_is_called) {
  for (const char* body : {"{", R"({"key":"YQ==")", "[]", "null", "nonsense", R"({"key":"Z"})",
                           R"({"key":"YQ==","sort_order":"DOWN"})"}) {
    auto out = post("/v3/kv/range", body);
    EXPECT_TRUE(out.calls.empty()) << body;
    ASSERT_EQ(out.responses.size(), 1u) << body;
    EXPECT_EQ(out.responses[0].status, 400u) << body;
    EXPECT_TRUE(out.responses[0].body.starts_with(R"({"code":3,"message":")")) << body;
    EXPECT_EQ(core.open_calls(), 0u);
  }
  EXPECT_EQ(post("/v3/kv/range", "{").responses.at(0).body,
            R"({"code":3,"message":"unexpected EOF"})");
  EXPECT_EQ(counted(rpc_method::kv_range).started.value(), 0u);
}

TEST_F(gateway_core_test, a_failure_has_the_http_status_of_its_code) {
  auto fail = [this](errc error, std::string detail = {}) {
    auto call = post("/v3/kv/range", R"({"key":"YQ=="})").calls.at(0);
    return answer(refuse_with(call.call, error, std::move(detail))).responses.at(0);
  };
  auto compacted = fail(errc::compacted);
  EXPECT_EQ(compacted.status, 400u);
  EXPECT_EQ(compacted.content_type, "application/json");
  EXPECT_TRUE(compacted.headers.empty());
  EXPECT_EQ(compacted.body,
            R"({"code":11,"message":"etcdserver: mvcc: required revision has been compacted"})");
  EXPECT_EQ(fail(errc::unimplemented).status, 501u);
  EXPECT_EQ(fail(errc::no_leader).status, 503u);
  EXPECT_EQ(fail(errc::internal, "other \"words\"").body,
            R"({"code":13,"message":"other \"words\""})");
  EXPECT_EQ(counted(rpc_method::kv_range).handled[11].value(), 1u);
}

TEST_F(gateway_core_test, metadata_comes_from_the_header) {
  auto metadata = [this](std::vector<http_header> headers) {
    auto call = post("/v3/maintenance/status", "{}", std::move(headers)).calls.at(0);
    answer(reply_with(call.call, {}));
    return call.metadata;
  };
  auto none = metadata({{"token", "T"}, {"hasleader", "true"}, {"content-type", "text/plain"}});
  EXPECT_EQ(none->token, "");
  EXPECT_FALSE(none->require_leader);
  EXPECT_EQ(metadata({{"authorization", "A"}})->token, "A");
  EXPECT_EQ(metadata({{"grpc-metadata-token", "B"}})->token, "B");
  EXPECT_EQ(metadata({{"grpc-metadata-authorization", "C"}})->token, "C");
  EXPECT_TRUE(metadata({{"grpc-metadata-hasleader", "true"}})->require_leader);
  EXPECT_EQ(metadata({{"grpc-metadata-client-api-version", "3.5"}})->client_api_version, "3.5");
  EXPECT_EQ(counters->requests(false, metrics::api_versions::index_of("3.5")), 1u);
}

TEST_F(gateway_core_test, a_timeout_becomes_a_deadline_that_is_kept) {
  EXPECT_EQ(core.next_check(), time_point::max());
  auto call = post("/v3/kv/range", R"({"key":"YQ=="})", {{"grpc-timeout", "5S"}}).calls.at(0);
  EXPECT_EQ(call.deadline, now + 5s);
  EXPECT_EQ(core.next_check(), now + 5s);
  gateway_output early;
  core.on_tick(now + 5s - 1ns, early);
  EXPECT_TRUE(early.responses.empty());
  gateway_output out;
  core.on_tick(now + 5s, out);
  EXPECT_THAT(kinds(out), ElementsAre(what::cancel));
  EXPECT_EQ(out.calls[0].call, call.call);
  EXPECT_EQ(out.responses.at(0).status, 504u);
  EXPECT_EQ(out.responses.at(0).body, R"({"code":4,"message":"context deadline exceeded"})");
  EXPECT_EQ(core.next_check(), time_point::max());
  EXPECT_TRUE(answer(reply_with(call.call, {})).responses.empty()) << "too late";
  EXPECT_EQ(counted(rpc_method::kv_range).handled[4].value(), 1u);
}

TEST_F(gateway_core_test, an_answered_call_has_no_deadline_any_more) {
  auto call = post("/v3/kv/range", R"({"key":"YQ=="})", {{"grpc-timeout", "5S"}}).calls.at(0);
  answer(reply_with(call.call, {}));
  EXPECT_EQ(core.next_check(), time_point::max());
  post("/v3/kv/range", R"({"key":"YQ=="})", {{"grpc-timeout", "99999999H"}});
  EXPECT_GT(core.next_check(), now + 24h);
}

TEST_F(gateway_core_test, a_bad_timeout_is_refused) {
  auto out = post("/v3/kv/range", R"({"key":"YQ=="})", {{"grpc-timeout", "xx"}});
  EXPECT_TRUE(out.calls.empty());
  EXPECT_EQ(out.responses.at(0).status, 400u);
  EXPECT_EQ(out.responses.at(0).body, R"({"code":3,"message":"invalid grpc-timeout: xx"})");
}

TEST_F(gateway_core_test, open_calls_are_bounded) {
  for (int i = 0; i < 3; ++i)
    post("/v3/kv/range", R"({"key":"YQ=="})", {}, {1, 50, i});
  auto out = post("/v3/kv/range", R"({"key":"YQ=="})");
  EXPECT_TRUE(out.calls.empty());
  EXPECT_EQ(out.responses.at(0).status, 429u);
  EXPECT_EQ(core.open_calls(), 3u);
}

TEST_F(gateway_core_test, a_request_above_the_limit_of_messages_is_refused) {
  auto out = post("/v3/kv/put", R"({"key":")" + std::string(1'336, 'A') + "\"}");
  EXPECT_TRUE(out.calls.empty());
  EXPECT_EQ(out.responses.at(0).status, 429u);
  EXPECT_EQ(out.responses.at(0).body,
            "{\"code\":8,\"message\":\"grpc: received message larger than max (1005 vs. 1000)\"}");
}

TEST_F(gateway_core_test, a_client_that_is_gone_cancels_its_call) {
  auto call = post("/v3/kv/range", R"({"key":"YQ=="})").calls.at(0);
  auto out = on(http_event{.kind = http_event::what::gone, .call = client});
  EXPECT_THAT(kinds(out), ElementsAre(what::cancel));
  EXPECT_EQ(out.calls[0].call, call.call);
  EXPECT_EQ(core.open_calls(), 0u);
  EXPECT_TRUE(answer(reply_with(call.call, {})).responses.empty());
  EXPECT_EQ(counted(rpc_method::kv_range).handled[1].value(), 1u);
  EXPECT_TRUE(on(http_event{.kind = http_event::what::gone, .call = client}).calls.empty());
}

TEST_F(gateway_core_test, answers_to_others_are_ignored) {
  auto call = post("/v3/kv/range", R"({"key":"YQ=="})").calls.at(0).call;
  EXPECT_TRUE(answer(reply_with({edge, call.connection + 1, 1}, {})).responses.empty());
  EXPECT_TRUE(answer(reply_with({1, call.connection, 1}, {})).responses.empty());
  EXPECT_EQ(core.open_calls(), 1u);
}

// -- streams

TEST_F(gateway_core_test, each_object_of_a_stream_is_one_message) {
  auto out = post("/v3/watch", R"({"create_request":{"key":"YQ=="}} {"progress_request":{}})");
  EXPECT_THAT(kinds(out), ElementsAre(what::open, what::message, what::message, what::half_close));
  EXPECT_NE(out.calls[0].metadata, nullptr);
  EXPECT_EQ(out.calls[1].metadata, nullptr);
  etcdserverpb::WatchRequest request;
  ASSERT_TRUE(request.ParseFromString(std::string{out.calls[1].body.view()}));
  EXPECT_EQ(request.create_request().key(), "a");
  EXPECT_TRUE(out.responses.empty()) << "the answer begins with its first line";
  EXPECT_EQ(counted(rpc_method::watch_watch).received.value(), 2u);
}

TEST_F(gateway_core_test, each_message_of_an_answer_is_one_line) {
  auto call = post("/v3/watch", R"({"create_request":{"key":"YQ=="}})").calls.at(0);
  etcdserverpb::WatchResponse created;
  created.set_created(true);
  etcdserverpb::WatchResponse event;
  event.add_events()->mutable_kv()->set_key("a");
  auto out = on(rpc_answers{{part(call, created), part(call, event)}});
  ASSERT_EQ(out.responses.size(), 1u);
  EXPECT_EQ(out.responses[0].status, 200u);
  EXPECT_EQ(out.responses[0].content_type, "application/json");
  EXPECT_TRUE(out.responses[0].body_goes_on);
  ASSERT_EQ(out.parts.size(), 1u) << "what goes together is one part";
  EXPECT_EQ(out.parts[0].call, client);
  EXPECT_EQ(out.parts[0].bytes, "{\"result\":{\"created\":true}}\n"
                                "{\"result\":{\"events\":[{\"kv\":{\"key\":\"YQ==\"}}]}}\n");
  EXPECT_FALSE(out.parts[0].last);

  auto next = answer(part(call, event));
  EXPECT_TRUE(next.responses.empty());
  ASSERT_EQ(next.parts.size(), 1u);
  auto end = answer({.call = call.call, .ends = true, .message = {}, .tail = {}});
  ASSERT_EQ(end.parts.size(), 1u);
  EXPECT_EQ(end.parts[0].bytes, "");
  EXPECT_TRUE(end.parts[0].last);
  EXPECT_EQ(core.open_calls(), 0u);
  EXPECT_EQ(counted(rpc_method::watch_watch).sent.value(), 3u);
}

TEST_F(gateway_core_test, a_failure_within_a_stream_is_its_last_line) {
  auto call = watching();
  auto out = answer(refuse_with(call.call, errc::no_leader));
  EXPECT_TRUE(out.responses.empty());
  ASSERT_EQ(out.parts.size(), 1u);
  EXPECT_EQ(out.parts[0].bytes,
            "{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\"}}\n");
  EXPECT_TRUE(out.parts[0].last);
}

TEST_F(gateway_core_test, a_failure_before_the_first_line_has_a_status) {
  auto call = post("/v3/maintenance/snapshot", "{}").calls.at(0);
  EXPECT_EQ(call.kind, what::request);
  auto out = answer(refuse_with(call.call, errc::unimplemented));
  ASSERT_EQ(out.responses.size(), 1u);
  EXPECT_EQ(out.responses[0].status, 501u);
  EXPECT_EQ(out.responses[0].body, "{\"error\":{\"code\":12,\"message\":\"unimplemented\"}}\n");
  EXPECT_FALSE(out.responses[0].body_goes_on);
}

TEST_F(gateway_core_test, a_stream_without_messages_is_an_empty_answer) {
  auto asked = post("/v3/lease/keepalive", "");
  EXPECT_THAT(kinds(asked), ElementsAre(what::open, what::half_close));
  auto out = answer({.call = asked.calls[0].call, .ends = true, .message = {}, .tail = {}});
  ASSERT_EQ(out.responses.size(), 1u);
  EXPECT_EQ(out.responses[0].status, 200u);
  EXPECT_EQ(out.responses[0].body, "");
  EXPECT_FALSE(out.responses[0].body_goes_on);
}

TEST_F(gateway_core_test, requests_are_handed_on_as_they_arrive) {
  auto first = post("/v3/watch", R"({"create_request":{"key":"YQ=="}} {"create)", {}, client, true);
  EXPECT_THAT(kinds(first), ElementsAre(what::open, what::message));
  EXPECT_THAT(kinds(more(R"(_request":{"key":"Yg=="}})", false)), ElementsAre(what::message));
  EXPECT_THAT(kinds(more(" ", false)), ElementsAre());
  EXPECT_THAT(kinds(more("{}", true)), ElementsAre(what::message, what::half_close));
  EXPECT_THAT(kinds(more("{}", true)), ElementsAre());
  EXPECT_EQ(core.held_bytes(), 0u);
}

TEST_F(gateway_core_test, a_call_opens_with_its_first_request) {
  EXPECT_THAT(kinds(post("/v3/watch", "", {}, client, true)), ElementsAre());
  EXPECT_TRUE(on(http_event{.kind = http_event::what::gone, .call = client}).calls.empty());
  EXPECT_EQ(core.open_calls(), 0u);
}

TEST_F(gateway_core_test, a_stream_that_begins_badly_is_refused) {
  for (const char* body : {R"({"create_request":{"key")", "garbage", R"({"create_request":7})"}) {
    auto out = post("/v3/watch", body);
    EXPECT_TRUE(out.calls.empty()) << body;
    ASSERT_EQ(out.responses.size(), 1u) << body;
    EXPECT_EQ(out.responses[0].status, 400u);
    EXPECT_TRUE(
      out.responses[0].body.starts_with(R"({"code":3,"message":"Failed to decode request: )"))
      << out.responses[0].body;
    EXPECT_EQ(core.open_calls(), 0u);
  }
}

TEST_F(gateway_core_test, a_stream_that_goes_on_badly_keeps_what_it_has) {
  for (const char* rest : {"garbage", R"({"create_request":7})", "{", "[]"}) {
    auto out = post("/v3/watch", std::string{R"({"create_request":{"key":"YQ=="}})"} + rest);
    EXPECT_THAT(kinds(out), ElementsAre(what::open, what::message, what::half_close)) << rest;
    EXPECT_TRUE(out.responses.empty());
    on(http_event{.kind = http_event::what::gone, .call = client});
  }
}

TEST_F(gateway_core_test, only_some_requests_run_ahead_of_the_answers) {
  std::string ten;
  for (int i = 0; i < 10; ++i)
    ten += R"({"ID":"1"})";
  auto out = post("/v3/lease/keepalive", ten);
  ASSERT_EQ(out.calls.size(), 5u) << "open and four";
  EXPECT_EQ(core.held_bytes(), 60u);
  etcdserverpb::LeaseKeepAliveResponse alive;
  auto after = answer(part(out.calls[0], alive));
  EXPECT_EQ(after.calls.size(), 4u);
  EXPECT_THAT(kinds(answer(part(out.calls[0], alive))),
              ElementsAre(what::message, what::message, what::half_close));
  EXPECT_EQ(core.held_bytes(), 0u);
}

TEST_F(gateway_core_test, requests_taken_without_an_answer_make_room_for_others) {
  std::string six;
  for (int i = 0; i < 6; ++i)
    six += R"({"progress_request":{}})";
  auto out = post("/v3/watch", six);
  ASSERT_EQ(out.calls.size(), 5u) << "open and four";
  auto after = answer({.call = out.calls[0].call});
  EXPECT_THAT(kinds(after), ElementsAre(what::message, what::message, what::half_close));
  EXPECT_TRUE(after.responses.empty());
  EXPECT_TRUE(after.parts.empty());
}

TEST_F(gateway_core_test, what_a_stream_makes_us_keep_is_bounded) {
  post("/v3/watch", R"({"create_request":{"key":")" + std::string(1'500, 'A'), {}, client, true);
  EXPECT_GT(core.held_bytes(), 1'500u);
  auto out = more(std::string(500, 'A'), false);
  EXPECT_EQ(out.responses.at(0).status, 400u) << "the object is too large";
  EXPECT_EQ(core.held_bytes(), 0u);

  auto full = std::string(1'900, ' ');
  full[0] = '{';
  for (int i = 0; i < 2; ++i)
    post("/v3/watch", full, {}, {1, 50, i}, true);
  EXPECT_EQ(core.held_bytes(), 3'800u);
  EXPECT_EQ(post("/v3/watch", full, {}, client, true).responses.at(0).status, 429u);
  EXPECT_EQ(core.held_bytes(), 3'800u);
  EXPECT_EQ(core.open_calls(), 2u);
}

TEST_F(gateway_core_test, a_request_of_a_stream_above_the_limit_ends_it) {
  auto call = watching();
  on(http_event{.kind = http_event::what::gone, .call = client});
  post("/v3/watch", R"({"create_request":{"key":"YQ=="}})", {}, client, true);
  auto out = more(R"({"create_request":{"key":")" + std::string(1'400, 'A') + "\"}}", false);
  EXPECT_THAT(kinds(out), ElementsAre(what::cancel));
  EXPECT_EQ(out.responses.at(0).status, 429u);
  EXPECT_TRUE(out.responses.at(0).body.starts_with(R"({"error":{"code":8,)"));
}

TEST_F(gateway_core_test, a_client_that_has_read_asks_for_more) {
  auto call = watching();
  auto out = on(http_event{.kind = http_event::what::writable, .call = client});
  EXPECT_THAT(kinds(out), ElementsAre(what::writable));
  EXPECT_EQ(out.calls[0].call, call.call);
}

TEST_F(gateway_core_test, a_deadline_ends_a_stream_with_a_line) {
  auto call = post("/v3/watch", R"({"create_request":{"key":"YQ=="}})", {{"grpc-timeout", "1S"}});
  etcdserverpb::WatchResponse created;
  created.set_created(true);
  answer(part(call.calls.at(0), created));
  gateway_output out;
  core.on_tick(now + 1s, out);
  EXPECT_THAT(kinds(out), ElementsAre(what::cancel));
  ASSERT_EQ(out.parts.size(), 1u);
  EXPECT_EQ(out.parts[0].bytes,
            "{\"error\":{\"code\":4,\"message\":\"context deadline exceeded\"}}\n");
  EXPECT_TRUE(out.parts[0].last);
}

TEST_F(gateway_core_test, an_answer_that_cannot_be_written_is_an_internal_error) {
  auto call = post("/v3/kv/txn", "{}").calls.at(0);
  etcdserverpb::TxnResponse deep;
  for (auto [inner, i] = std::pair{&deep, 0}; i < 100; ++i)
    inner = inner->add_responses()->mutable_response_txn();
  auto out = answer(reply_with(call.call, blob{deep.SerializeAsString()}));
  EXPECT_EQ(out.responses.at(0).status, 500u);
  EXPECT_EQ(core.open_calls(), 0u);
}

} // namespace
} // namespace troupe::gateway
