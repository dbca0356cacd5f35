#include "actors/node/supervisor.hpp"
#include "test/support/actor_fixture.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using quitter = caf::typed_actor<caf::reacts_to<tick>>;

/// Ends by an error at its first tick. (Without an argument CAF 0.17.6 trips over itself under
/// ubsan.)
quitter::behavior_type quitter_behavior(quitter::pointer self, int) {
  return {[=](const tick&) { self->quit(caf::make_error(errc::io_error, std::string{"gone"})); }};
}

struct supervisor_test : testing::Test {
  supervisor_test() {
    supervisor = stage.own(stage.system.spawn(
      supervisor_behavior,
      std::vector<vital_actor>{{"storage", caf::actor_cast<caf::strong_actor_ptr>(storage)},
                               {"applier", caf::actor_cast<caf::strong_actor_ptr>(applier)}},
      std::function<void(const std::string&)>{
        [this](const std::string& reason) { told.push_back(reason); }}));
    stage.run();
  }

  std::vector<std::string> told;
  test::actor_stage stage;
  quitter storage = stage.own(stage.system.spawn(quitter_behavior, 0));
  quitter applier = stage.own(stage.system.spawn(quitter_behavior, 0));
  supervisor_actor supervisor;
};

TEST_F(supervisor_test, one_failure_ends_all_and_is_told_once_with_its_reason) {
  stage.send(storage, tick{});
  stage.run();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("storage"), std::string::npos);
  EXPECT_NE(told[0].find("gone"), std::string::npos);
  stage.send(applier, tick{});
  stage.run();
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(stage.system.registry().running(), 1u) << "only the supervisor is left";
}

TEST_F(supervisor_test, actor_that_came_later_is_as_vital) {
  auto edge = stage.own(stage.system.spawn(quitter_behavior, 0));
  stage.send(supervisor, vital_actor{"client port", caf::actor_cast<caf::strong_actor_ptr>(edge)});
  stage.run();
  stage.send(edge, tick{});
  stage.run();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("client port"), std::string::npos);
  EXPECT_EQ(stage.system.registry().running(), 1u) << "only the supervisor is left";
}

TEST_F(supervisor_test, failure_below_the_actors_ends_them_all_also_if_it_came_first) {
  failure_relay relay;
  relay.report("the store failed");
  relay.connect(supervisor);
  stage.run();
  ASSERT_EQ(told, std::vector<std::string>{"the store failed"});
  relay.report("again");
  stage.run();
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(stage.system.registry().running(), 1u) << "only the supervisor is left";
}

TEST_F(supervisor_test, orderly_end_is_told_to_nobody) {
  stage.send(supervisor, stand_down{});
  stage.run();
  stage.send(storage, tick{});
  stage.run();
  EXPECT_TRUE(told.empty());
}

} // namespace
} // namespace troupe
