#include "actors/service/http_pages.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

namespace troupe::service {
namespace {

using namespace std::chrono_literals;

struct hand_clock : clock {
  time_point now() const override {
    return at;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point at{};
};

class http_pages_test : public test::actor_fixture {
protected:
  http_pages_test() {
    own(service.actor);
    own(edge.actor);
    auto host = std::make_shared<http_pages_host>(page_core{{.probe_edge = 99}}, service.actor,
                                                  metrics, time);
    pages = own(system.spawn(http_pages_behavior, host));
    send(pages, page_edge_joined{1, edge.actor});
  }

  void get(std::string path, std::uint32_t from_edge = 1) {
    http_request request;
    request.call = {from_edge, 5, 1};
    request.method = "GET";
    request.path = std::move(path);
    send(pages, std::move(request));
    run();
  }

  bool shows(const std::string& line) const {
    return metrics->text().find("\n" + line + "\n") != std::string::npos;
  }

  std::shared_ptr<metrics::node_metrics> metrics = std::make_shared<metrics::node_metrics>(
    metrics::metrics_identity{}, metrics::metrics_detail::basic);
  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  test::recorder<call_batch> service{system};
  test::recorder<http_response> edge{system};
  http_pages_actor pages;
};

TEST_F(http_pages_test, a_probe_goes_to_the_service_and_its_answer_to_the_edge) {
  metrics->counters()->raft.note({.leader = {7}});
  get("/health");
  EXPECT_TRUE(edge.all<http_response>().empty());
  auto probes = service.take<call_batch>();
  ASSERT_TRUE(probes);
  ASSERT_EQ(probes->events.size(), 1u);
  send(pages, rpc_answers{{reply_with(probes->events[0].call, {})}});
  run();
  auto response = edge.take<http_response>();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200u);
  EXPECT_EQ(response->call, (call_id{1, 5, 1}));
  EXPECT_TRUE(shows("etcd_server_health_success 1"));
}

TEST_F(http_pages_test, leadership_and_alarms_come_from_what_the_node_counts) {
  get("/health");
  EXPECT_EQ(edge.take<http_response>()->status, 503u);
  EXPECT_TRUE(shows("etcd_server_health_failures 1"));
  metrics->counters()->alarms.corrupt.set(1);
  get("/readyz/data_corruption");
  EXPECT_EQ(edge.take<http_response>()->status, 503u);
  EXPECT_TRUE(shows("etcd_server_healthcheck{name=\"data_corruption\",type=\"readyz\"} 0"));
  metrics->counters()->raft.learner.set(1);
  get("/readyz/non_learner");
  EXPECT_EQ(edge.take<http_response>()->status, 503u);
}

TEST_F(http_pages_test, ticks_end_what_nobody_answers) {
  get("/livez");
  time->at += 7s;
  send(pages, tick{});
  run();
  EXPECT_EQ(edge.take<http_response>()->status, 503u);
}

TEST_F(http_pages_test, metrics_are_a_page) {
  get("/metrics");
  auto response = edge.take<http_response>();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200u);
  EXPECT_EQ(response->content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(response->body.find("\n# TYPE etcd_server_has_leader gauge\n"), std::string::npos);
}

TEST_F(http_pages_test, an_edge_that_never_joined_gets_nothing) {
  get("/version", 2);
  EXPECT_TRUE(edge.all<http_response>().empty());
}

} // namespace
} // namespace troupe::service
