#include "actors/service/page_core.hpp"
#include "messages/proto/rpc.pb.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

namespace troupe::service {
namespace {

using namespace std::chrono_literals;

constexpr time_point start{};
constexpr std::uint32_t probe_edge = 99;
constexpr page_view well{.has_leader = true};

struct page_core_test : testing::Test {
  page_output get(std::string target, const page_view& view = well, std::string method = "GET") {
    http_request request;
    request.call = {1, 5, ++stream};
    request.method = std::move(method);
    auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos)
      request.query = target.substr(question + 1);
    page_output out;
    core.on(request, view, start, out);
    return out;
  }

  page_output answer(const call_event& probe, errc error = errc::none) {
    page_output out;
    core.on(rpc_answers{{error == errc::none ? reply_with(probe.call, blob{"x"})
                                             : refuse_with(probe.call, error)}},
            out);
    return out;
  }

  /// Asks for a page and lets all its probes come out as given.
  http_response page(std::string target, const page_view& view = well, errc error = errc::none) {
    auto out = get(std::move(target), view);
    for (const auto& probe : out.probes) {
      EXPECT_TRUE(out.responses.empty()) << "answered before its probes";
      auto next = answer(probe, error);
      out.responses = std::move(next.responses);
    }
    EXPECT_EQ(out.responses.size(), 1u);
    return out.responses.empty() ? http_response{} : out.responses.front();
  }

  page_core core{{.probe_edge = probe_edge,
                  .probe_timeout = 7s,
                  .max_waiting = 2,
                  .server_version = "3.6.14",
                  .cluster_version = "3.6.0",
                  .storage_version = "3.6.0"}};
  std::int32_t stream = 0;
};

etcdserverpb::RangeRequest request_of(const call_event& probe) {
  etcdserverpb::RangeRequest request;
  EXPECT_TRUE(request.ParseFromString(std::string{probe.body.view()}));
  return request;
}

std::string header(const http_response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name)
      return value;
  return {};
}

// --- /health

TEST_F(page_core_test, health_asks_one_linearizable_read_of_one_key) {
  auto out = get("/health");
  EXPECT_TRUE(out.responses.empty());
  ASSERT_EQ(out.probes.size(), 1u);
  const auto& probe = out.probes[0];
  EXPECT_EQ(probe.kind, call_event::what::request);
  EXPECT_EQ(probe.method, rpc_method::kv_range);
  EXPECT_EQ(probe.call.edge, probe_edge);
  EXPECT_EQ(probe.deadline, start + 7s);
  ASSERT_TRUE(probe.metadata);
  auto request = request_of(probe);
  EXPECT_FALSE(request.key().empty()) << "clients may not ask for the empty key";
  EXPECT_TRUE(request.range_end().empty());
  EXPECT_TRUE(request.keys_only());
  EXPECT_EQ(request.limit(), 1);
  EXPECT_FALSE(request.serializable());
}

TEST_F(page_core_test, healthy) {
  auto response = page("/health");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, R"({"health":"true","reason":""})");
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(response.call, (call_id{1, 5, 1}));
  EXPECT_EQ(core.waiting(), 0u);
}

TEST_F(page_core_test, a_failed_read_is_unhealthy) {
  auto response = page("/health", well, errc::timeout);
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body,
            R"({"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"})"
            "\n");
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
}

TEST_F(page_core_test, health_waits_no_longer_than_the_request_timeout) {
  get("/health");
  page_output early;
  core.on_tick(start + 7s - 1ns, early);
  EXPECT_TRUE(early.responses.empty());
  page_output late;
  core.on_tick(start + 7s, late);
  ASSERT_EQ(late.responses.size(), 1u);
  EXPECT_EQ(late.responses[0].status, 503u);
  EXPECT_EQ(late.responses[0].body,
            R"({"health":"false","reason":"RANGE ERROR:context deadline exceeded"})"
            "\n");
  EXPECT_EQ(core.waiting(), 0u);
}

TEST_F(page_core_test, an_answer_after_the_deadline_is_not_answered_again) {
  auto probe = get("/health").probes.at(0);
  page_output late;
  core.on_tick(start + 8s, late);
  EXPECT_TRUE(answer(probe).responses.empty());
}

TEST_F(page_core_test, no_leader_is_unhealthy_at_once) {
  auto response = page("/health", {.has_leader = false});
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, R"({"health":"false","reason":"RAFT NO LEADER"})"
                           "\n");
}

TEST_F(page_core_test, serializable_health_reads_locally_and_needs_no_leader) {
  auto out = get("/health?serializable=true", {.has_leader = false});
  ASSERT_EQ(out.probes.size(), 1u);
  EXPECT_TRUE(request_of(out.probes[0]).serializable());
  EXPECT_EQ(answer(out.probes[0]).responses.at(0).status, 200u);
  EXPECT_TRUE(get("/health?serializable=false", {.has_leader = false}).probes.empty());
  EXPECT_TRUE(get("/health?serializable=1", {.has_leader = false}).probes.empty());
}

TEST_F(page_core_test, alarms_are_unhealthy_unless_excluded) {
  page_view full{.has_leader = true, .no_space = true};
  EXPECT_EQ(page("/health", full).body, R"({"health":"false","reason":"ALARM NOSPACE"})"
                                        "\n");
  EXPECT_EQ(page("/health?exclude=NOSPACE", full).status, 200u);
  EXPECT_EQ(page("/health?exclude=NOSPACE&serializable=true", full).status, 200u);
  EXPECT_EQ(page("/health?exclude=CORRUPT", full).status, 503u);
  EXPECT_EQ(page("/health?exclude=", full).status, 503u);
  page_view both{.has_leader = true, .no_space = true, .corrupt = true};
  EXPECT_EQ(page("/health?exclude=NOSPACE", both).body,
            R"({"health":"false","reason":"ALARM CORRUPT"})"
            "\n");
  EXPECT_EQ(page("/health?exclude=NOSPACE&exclude=CORRUPT", both).status, 200u);
  page_view strange{.has_leader = true, .other_alarm = true};
  EXPECT_EQ(page("/health", strange).body, R"({"health":"false","reason":"ALARM UNKNOWN"})"
                                           "\n");
}

TEST_F(page_core_test, verdicts_are_reported_once) {
  auto out = get("/health");
  EXPECT_TRUE(out.verdicts.empty());
  auto done = answer(out.probes[0]);
  ASSERT_EQ(done.verdicts.size(), 1u);
  EXPECT_EQ(done.verdicts[0].path, "/health");
  EXPECT_TRUE(done.verdicts[0].ok);
  auto failed = get("/health", {});
  ASSERT_EQ(failed.verdicts.size(), 1u);
  EXPECT_FALSE(failed.verdicts[0].ok);
  EXPECT_EQ(failed.verdicts[0].body, R"({"health":"false","reason":"RAFT NO LEADER"})");
}

// --- /livez and /readyz

TEST_F(page_core_test, livez_is_a_local_read) {
  auto out = get("/livez", {.has_leader = false, .no_space = true, .corrupt = true});
  ASSERT_EQ(out.probes.size(), 1u);
  EXPECT_TRUE(request_of(out.probes[0]).serializable());
  auto done = answer(out.probes[0]);
  ASSERT_EQ(done.responses.size(), 1u);
  EXPECT_EQ(done.responses[0].status, 200u);
  EXPECT_EQ(done.responses[0].body, "ok\n");
  EXPECT_EQ(done.responses[0].content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(header(done.responses[0], "X-Content-Type-Options"), "nosniff");
}

TEST_F(page_core_test, readyz_is_answered_when_both_reads_are) {
  auto out = get("/readyz?verbose");
  ASSERT_EQ(out.probes.size(), 2u);
  EXPECT_NE(request_of(out.probes[0]).serializable(), request_of(out.probes[1]).serializable());
  EXPECT_TRUE(answer(out.probes[1]).responses.empty());
  EXPECT_TRUE(answer(out.probes[1]).responses.empty()) << "the same probe twice is still one";
  auto done = answer(out.probes[0]);
  ASSERT_EQ(done.responses.size(), 1u);
  EXPECT_EQ(done.responses[0].body, "[+]data_corruption ok\n"
                                    "[+]serializable_read ok\n"
                                    "[+]linearizable_read ok\n"
                                    "[+]non_learner ok\n"
                                    "ok\n");
}

TEST_F(page_core_test, a_failure_always_names_every_check) {
  auto response = page("/readyz", {.has_leader = true, .is_learner = true, .corrupt = true});
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.body, "[-]data_corruption failed: alarm activated: CORRUPT\n"
                           "[+]serializable_read ok\n"
                           "[+]linearizable_read ok\n"
                           "[-]non_learner failed: not supported for learner\n"
                           "\n");
  EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
}

TEST_F(page_core_test, a_full_store_is_still_ready) {
  EXPECT_EQ(page("/readyz", {.has_leader = true, .no_space = true}).status, 200u);
}

TEST_F(page_core_test, a_readyz_that_gets_no_answer_names_what_is_missing) {
  auto out = get("/readyz");
  answer(out.probes[0]);
  bool serializable = request_of(out.probes[0]).serializable();
  page_output late;
  core.on_tick(start + 7s, late);
  ASSERT_EQ(late.responses.size(), 1u);
  const auto& body = late.responses[0].body;
  EXPECT_NE(body.find(serializable ? "[-]linearizable_read failed: context deadline exceeded\n"
                                   : "[-]serializable_read failed: context deadline exceeded\n"),
            std::string::npos)
    << body;
  EXPECT_EQ(std::ranges::count(body, '-'), 1) << body;
}

TEST_F(page_core_test, checks_can_be_excluded_and_unknown_names_are_ignored) {
  page_view broken{.has_leader = true, .corrupt = true};
  EXPECT_EQ(page("/readyz?exclude=data_corruption&exclude=nonsense&verbose", broken).body,
            "[+]serializable_read ok\n"
            "[+]linearizable_read ok\n"
            "[+]non_learner ok\n"
            "ok\n");
  auto out = get("/livez?exclude=serializable_read");
  EXPECT_TRUE(out.probes.empty());
  EXPECT_EQ(out.responses.at(0).body, "ok\n");
}

TEST_F(page_core_test, one_check_alone) {
  page_view broken{.has_leader = true, .is_learner = true, .corrupt = true};
  EXPECT_EQ(page("/readyz/data_corruption", broken).body,
            "[-]data_corruption failed: alarm activated: CORRUPT\n\n");
  EXPECT_EQ(page("/readyz/linearizable_read?verbose", broken).body,
            "[+]linearizable_read ok\nok\n");
  EXPECT_EQ(page("/livez/serializable_read", broken).body, "ok\n");
  EXPECT_EQ(page("/readyz/non_learner?exclude=non_learner", broken).status, 503u);
}

TEST_F(page_core_test, checks_are_reported) {
  auto out = get("/livez");
  EXPECT_TRUE(out.checks.empty());
  auto done = answer(out.probes[0], errc::stopped);
  ASSERT_EQ(done.checks.size(), 1u);
  EXPECT_EQ(done.checks[0].page, "livez");
  EXPECT_EQ(done.checks[0].name, "serializable_read");
  EXPECT_FALSE(done.checks[0].ok);
  ASSERT_EQ(done.verdicts.size(), 1u);
  EXPECT_EQ(done.verdicts[0].path, "/livez");
  EXPECT_FALSE(done.verdicts[0].ok);
}

// --- the rest

TEST_F(page_core_test, version) {
  auto response = page("/version");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, R"({"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"})");
  EXPECT_EQ(response.content_type, "application/json");
}

TEST_F(page_core_test, metrics_are_left_to_the_host) {
  auto out = get("/metrics");
  EXPECT_TRUE(out.responses.empty());
  EXPECT_EQ(out.scrapes, (std::vector<call_id>{{1, 5, 1}}));
  EXPECT_EQ(get("/metrics", well, "HEAD").scrapes.size(), 1u);
}

TEST_F(page_core_test, other_methods_are_refused) {
  for (const char* target :
       {"/health", "/livez", "/readyz", "/readyz/non_learner", "/version", "/metrics"}) {
    SCOPED_TRACE(target);
    auto out = get(target, well, "POST");
    EXPECT_TRUE(out.probes.empty());
    EXPECT_TRUE(out.scrapes.empty());
    ASSERT_EQ(out.responses.size(), 1u);
    EXPECT_EQ(out.responses[0].status, 405u);
    EXPECT_EQ(out.responses[0].body, "Method Not Allowed\n");
    EXPECT_EQ(header(out.responses[0], "Allow"), "GET");
  }
  EXPECT_EQ(get("/health", well, "HEAD").responses.at(0).status, 405u);
}

TEST_F(page_core_test, other_paths_are_not_found) {
  for (const char* target : {"/", "*", "/healthz", "/health/", "/livezz", "/livez/",
                             "/livez/linearizable_read", "/readyz/nonsense", "/readyz/", "/v2/keys",
                             "/v3", "/v3/kv/put", "/Metrics", "/debug/vars"}) {
    SCOPED_TRACE(target);
    auto response = page(target);
    EXPECT_EQ(response.status, 404u);
    EXPECT_EQ(response.body, "404 page not found\n");
    EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  }
}

TEST_F(page_core_test, waiting_pages_are_bounded) {
  get("/health");
  get("/readyz");
  auto full = get("/livez");
  EXPECT_TRUE(full.probes.empty());
  ASSERT_EQ(full.responses.size(), 1u);
  EXPECT_EQ(full.responses[0].status, 503u);
  EXPECT_EQ(full.responses[0].body,
            "[-]serializable_read failed: etcdserver: too many requests\n\n");
  EXPECT_EQ(core.waiting(), 2u);
}

TEST_F(page_core_test, answers_to_other_calls_are_ignored) {
  auto probe = get("/health").probes.at(0);
  auto foreign = probe;
  foreign.call.edge = 1;
  EXPECT_TRUE(answer(foreign).responses.empty());
  foreign.call = probe.call;
  foreign.call.connection += 1;
  EXPECT_TRUE(answer(foreign).responses.empty());
  page_output out;
  core.on(rpc_answers{{{.call = probe.call, .has_message = true}}}, out);
  EXPECT_TRUE(out.responses.empty()) << "a message is not yet the end";
  EXPECT_EQ(answer(probe).responses.size(), 1u);
}

} // namespace
} // namespace troupe::service
