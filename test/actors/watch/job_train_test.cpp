#include "actors/watch/job_train.hpp"
#include "test/support/actor_fixture.hpp"

#include <caf/make_counted.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <gmock/gmock.h>
#include <memory>
#include <string>
#include <vector>

namespace troupe::watch {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Notes its name, and passes a tick on within its context.
using passer = caf::typed_actor<caf::reacts_to<tick>>;

struct job_train_test : test::actor_fixture {
  passer spawn(const std::string& name, const passer& next = {}) {
    auto behave = [](passer::pointer self, const std::string& name, const passer& next,
                     const std::shared_ptr<std::vector<std::string>>& order) {
      return passer::behavior_type{[=](const tick&) {
        order->push_back(name);
        if (next)
          wake(next, self->context());
      }};
    };
    return own(system.spawn(behave, name, next, order));
  }

  static void wake(const passer& who, caf::execution_unit* context) {
    caf::actor_cast<caf::abstract_actor*>(who)->enqueue(nullptr, caf::make_message_id(),
                                                        caf::make_message(tick{}), context);
  }

  caf::intrusive_ptr<job_train> new_train() {
    return caf::make_counted<job_train>(system, std::exchange(token, nullptr));
  }

  std::shared_ptr<std::vector<std::string>> order = std::make_shared<std::vector<std::string>>();
  std::shared_ptr<int> token = std::make_shared<int>(0);
  std::weak_ptr<int> end = token;

  /// Takes what a train leaves to the scheduler.
  struct scheduler_unit : caf::execution_unit {
    explicit scheduler_unit(job_train_test& of) : caf::execution_unit(&of.system), of(of) {}

    void exec_later(caf::resumable* job) override {
      of.sched.jobs.push_back(job);
    }

    job_train_test& of;
  };

  scheduler_unit scheduler{*this};
};

TEST_F(job_train_test,
       whom_several_wake_runs_behind_them_once_and_the_next_is_left_to_the_scheduler) {
  auto keeper = spawn("keeper");
  auto session = spawn("session", keeper);
  auto a = spawn("a", session);
  auto b = spawn("b", session);
  run();
  auto train = new_train();
  wake(a, train.get());
  wake(b, train.get());
  train->leave(scheduler);
  train.reset();
  ASSERT_TRUE(step_any());
  // The test scheduler gives everyone one message at a time.
  EXPECT_THAT(*order, ElementsAre("a", "b", "session"));
  EXPECT_TRUE(end.expired());
  run();
  EXPECT_THAT(*order, ElementsAre("a", "b", "session", "keeper", "session", "keeper"));
}

TEST_F(job_train_test, who_is_awake_already_does_not_run_twice) {
  auto a = spawn("a");
  run();
  wake(a, &scheduler);
  auto train = new_train();
  wake(a, train.get());
  train->leave(scheduler);
  train.reset();
  EXPECT_TRUE(end.expired()) << "nobody is aboard";
  run();
  EXPECT_THAT(*order, ElementsAre("a", "a"));
}

TEST_F(job_train_test, who_has_ended_does_not_hold_up_the_others) {
  auto a = spawn("a");
  auto b = spawn("b");
  run();
  auto train = new_train();
  caf::actor_cast<caf::abstract_actor*>(a)->enqueue(
    nullptr, caf::make_message_id(),
    caf::make_message(caf::exit_msg{{}, caf::exit_reason::user_shutdown}), train.get());
  wake(b, train.get());
  train->leave(scheduler);
  train.reset();
  run();
  EXPECT_THAT(*order, ElementsAre("b"));
  EXPECT_TRUE(end.expired());
}

TEST_F(job_train_test, a_train_that_never_runs_lets_go_of_everybody) {
  auto a = spawn("a");
  run();
  auto train = new_train();
  wake(a, train.get());
  train.reset();
  EXPECT_TRUE(end.expired());
  EXPECT_THAT(*order, IsEmpty());
}

} // namespace
} // namespace troupe::watch
