#pragma once

#include "messages/type_ids.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace troupe::test {

/// A configuration whose actors only run when a test says so, one message at a time, in the test's
/// thread, with time moved by hand.
struct deterministic_config : caf::actor_system_config {
  deterministic_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.verbosity", caf::atom("quiet"));
    register_messages(*this);
  }
};

/// An actor system under the test scheduler. Ends what was given to `own`, also when a test failed.
class actor_stage {
public:
  actor_stage() : sched(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())) {}

  actor_stage(const actor_stage&) = delete;
  actor_stage& operator=(const actor_stage&) = delete;

  ~actor_stage() {
    for (const auto& actor : owned_)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    owned_.clear();
    run();
    sched.clock().cancel_all();
    EXPECT_EQ(system.registry().running(), 0u) << "every actor ends with its test";
  }

  /// The actor ends with the stage.
  template <class Handle>
  Handle own(Handle actor) {
    owned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    return actor;
  }

  template <class Handle, class Message>
  void send(const Handle& to, Message message) {
    caf::anon_send(to, std::move(message));
  }

  /// Lets the actor take its next message, whatever it is. @returns whether there was one.
  template <class Handle>
  bool step(const Handle& actor) {
    if (!sched.prioritize(actor))
      return false;
    sched.run_once();
    return true;
  }

  /// Lets whoever is first in line take one message. @returns whether there was one.
  bool step_any() {
    return sched.try_run_once();
  }

  /// Lets somebody take one message; `choice` says who. @returns whether there was one.
  bool step_any(std::uint64_t choice) {
    if (sched.jobs.empty())
      return false;
    std::swap(sched.jobs.front(), sched.jobs[choice % sched.jobs.size()]);
    return sched.try_run_once();
  }

  /// Runs until nobody has a message; time stands still. @returns the number of steps.
  std::size_t run() {
    std::size_t steps = 0;
    while (step_any())
      ++steps;
    return steps;
  }

  deterministic_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& sched;

private:
  std::vector<caf::strong_actor_ptr> owned_;
};

class actor_fixture : public ::testing::Test, protected actor_stage {};

} // namespace troupe::test
