#include "actors/recipe/recipe_service.hpp"
#include "messages/proto/v3lock.pb.h"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

namespace troupe::recipe {
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

class recipe_service_test : public test::actor_fixture {
protected:
  recipe_service_test() {
    own(service.actor);
    own(edge.actor);
    auto host = std::make_shared<recipe_host>(recipe_core{{.edge = 99}}, time);
    recipes = own(system.spawn(recipe_behavior, host));
    send(recipes, call_through{service.actor});
    send(recipes, service::edge_joined{1, edge.actor});
  }

  call_event unlock() {
    v3lockpb::UnlockRequest request;
    request.set_key("lk/1");
    send(recipes, call_batch{{{.kind = call_event::what::request,
                               .call = {1, 5, 3},
                               .method = rpc_method::lock_unlock,
                               .body = blob{request.SerializeAsString()}}}});
    run();
    auto inner = service.take<call_batch>();
    EXPECT_TRUE(inner && inner->events.size() == 1);
    return inner->events.at(0);
  }

  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  test::recorder<call_batch> service{system};
  test::recorder<rpc_answers> edge{system};
  recipe_actor recipes;
};

TEST_F(recipe_service_test, is_a_client_of_the_service_and_answers_its_own) {
  auto inner = unlock();
  EXPECT_EQ(inner.call.edge, 99u);
  EXPECT_EQ(inner.method, rpc_method::kv_delete_range);
  EXPECT_TRUE(edge.all<rpc_answers>().empty());
  send(recipes, rpc_answers{{reply_with(inner.call, {})}});
  run();
  auto answers = edge.take<rpc_answers>();
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->answers.at(0).call, (call_id{1, 5, 3}));
  EXPECT_EQ(answers->answers.at(0).error, errc::none);
}

TEST_F(recipe_service_test, ticks_end_what_takes_too_long) {
  unlock();
  time->at += 8s;
  send(recipes, tick{});
  run();
  auto answers = edge.take<rpc_answers>();
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->answers.at(0).error, errc::recipe_failed);
  EXPECT_EQ(answers->answers.at(0).detail, "etcdserver: request timed out");
}

} // namespace
} // namespace troupe::recipe
