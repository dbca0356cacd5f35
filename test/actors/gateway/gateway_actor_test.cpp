#include "actors/gateway/gateway_actor.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

namespace troupe::gateway {
namespace {

using namespace std::chrono_literals;

struct hand_clock : clock {
  time_point now() const override {
    return at;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point at{1h};
};

class gateway_actor_test : public test::actor_fixture {
protected:
  gateway_actor_test() {
    for (auto* one : {&first, &second})
      own(one->actor);
    own(service.actor);
    auto host =
      std::make_shared<gateway_host>(gateway_core{{.edge = 99}, nullptr}, service.actor, time);
    gateway = own(system.spawn(gateway_behavior, host));
    send(gateway, gateway_edge_joined{1, first.actor});
    send(gateway, gateway_edge_joined{2, second.actor});
  }

  call_event post(std::uint32_t edge, std::string path, std::vector<http_header> headers = {}) {
    http_request request{.call = {edge, 5, 1},
                         .method = "POST",
                         .path = std::move(path),
                         .headers = std::move(headers),
                         .body = blob{"{}"}};
    send(gateway, std::move(request));
    run();
    auto batch = service.take<call_batch>();
    EXPECT_TRUE(batch);
    return batch ? batch->events.at(0) : call_event{};
  }

  using edge_recorder = test::recorder<http_response, http_body_parts>;

  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  test::recorder<call_batch> service{system};
  edge_recorder first{system};
  edge_recorder second{system};
  gateway_actor gateway;
};

TEST_F(gateway_actor_test, answers_go_to_the_edge_of_their_request) {
  auto one = post(1, "/v3/maintenance/status");
  auto two = post(2, "/v3/maintenance/status");
  send(gateway, rpc_answers{{reply_with(two.call, {}), reply_with(one.call, {})}});
  run();
  EXPECT_EQ(first.take<http_response>()->call, (call_id{1, 5, 1}));
  EXPECT_EQ(second.take<http_response>()->call, (call_id{2, 5, 1}));
}

TEST_F(gateway_actor_test, lines_of_a_stream_follow_the_beginning_of_its_answer) {
  auto open = post(1, "/v3/watch");
  rpc_answer message{.call = open.call, .has_message = true, .message = {}, .tail = {}};
  send(gateway, rpc_answers{{message}});
  run();
  ASSERT_EQ(first.all<http_response>().size(), 1u);
  EXPECT_TRUE(first.all<http_response>()[0].body_goes_on);
  ASSERT_EQ(first.all<http_body_parts>().size(), 1u);
  EXPECT_EQ(first.all<http_body_parts>()[0].parts.at(0).bytes, "{\"result\":{}}\n");
  send(gateway, http_event{.kind = http_event::what::gone, .call = {1, 5, 1}, .body = {}});
  run();
  auto cancelled = service.take<call_batch>();
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->events.at(0).kind, call_event::what::cancel);
}

TEST_F(gateway_actor_test, a_deadline_is_kept_without_ticks_from_outside) {
  post(1, "/v3/maintenance/status", {{"grpc-timeout", "5S"}});
  post(2, "/v3/maintenance/status", {{"grpc-timeout", "1S"}});
  for (auto edge : {&second, &first}) {
    EXPECT_FALSE(edge->take<http_response>());
    auto passed = edge == &second ? 1s : 4s;
    time->at += passed;
    sched.advance_time(passed);
    run();
    auto late = edge->take<http_response>();
    ASSERT_TRUE(late);
    EXPECT_EQ(late->status, 504u);
  }
}

TEST_F(gateway_actor_test, an_edge_that_never_joined_gets_nothing) {
  auto call = post(3, "/v3/maintenance/status");
  send(gateway, rpc_answers{{reply_with(call.call, {})}});
  run();
  EXPECT_TRUE(first.all<http_response>().empty());
  EXPECT_TRUE(second.all<http_response>().empty());
}

} // namespace
} // namespace troupe::gateway
