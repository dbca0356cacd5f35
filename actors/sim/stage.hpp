#pragma once

#include "actors/sim/event_queue.hpp"
#include "actors/sim/network.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace troupe::sim {

struct stage_config : caf::actor_system_config {
  stage_config();
};

/// Runs the actors of a whole cluster in the calling thread: the seed says who takes its next
/// message, each message takes a little time, and everything else happens when its time has come.
/// Knows which actor belongs to which node, so that a node can stand still or end alone.
class stage {
public:
  explicit stage(std::uint64_t seed);

  /// Ends whoever still runs.
  ~stage();

  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  caf::actor_system& system() {
    return system_;
  }

  /// Valid as long as the stage, and always the present time: clocks refer to it.
  const sim_time& now() const {
    return now_;
  }

  void at(sim_time when, std::function<void()> what) {
    events_.at(when, std::move(what));
  }

  void after(sim_time span, std::function<void()> what) {
    events_.at(now_ + span, std::move(what));
  }

  /// The actors that `spawn` starts belong to the node, and so will all that they start.
  template <class Spawn>
  auto spawn_for(node_number node, Spawn spawn) {
    note_owner(0);
    auto result = spawn();
    note_owner(node);
    return result;
  }

  /// Nobody of the node runs until `resume`.
  void pause(node_number node);
  void resume(node_number node);

  bool is_paused(node_number node) const {
    return paused_.contains(node);
  }

  /// Called before an actor takes a message: how long it has to wait for that; 0: not at all.
  std::function<sim_time(node_number, caf::scheduled_actor&)> delay_step;

  /// Called after each step.
  std::function<void(node_number, caf::actor_id)> after_step;

  /// Runs until then, or until `stop` says so after a step or an event.
  void run_until(sim_time end, const std::function<bool()>& stop);

  /// Lets nobody but the actors of this node run, until none of them has a message. Time stands
  /// still.
  void exhaust(node_number node);

  std::uint64_t steps() const {
    return steps_;
  }

private:
  struct held_job {
    caf::resumable* job = nullptr;
    node_number node = 0;
    /// 0: until its node resumes.
    std::uint64_t ticket = 0;
  };

  node_number owner(caf::resumable* job, const caf::scheduled_actor* actor);
  void note_owner(node_number node);
  void run_job(std::size_t which, node_number node, caf::actor_id id);
  void hold(std::size_t which, node_number node, std::uint64_t ticket);
  void release(std::uint64_t ticket);
  bool step();
  void let_time_pass();
  sim_time next_moment(sim_time end);

  stage_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  std::mt19937_64 random_;
  event_queue events_;
  sim_time now_{0};
  caf::detail::test_actor_clock::time_point start_;
  std::uint64_t steps_ = 0;
  /// By actor id.
  std::vector<node_number> owners_;
  /// Jobs that are no actors.
  std::map<caf::resumable*, node_number> trains_;
  std::set<node_number> paused_;
  /// Each keeps the scheduler's reference to its job.
  std::vector<held_job> held_;
  std::uint64_t last_ticket_ = 0;
  /// Who waits for a step has waited.
  caf::resumable* waited_ = nullptr;
};

} // namespace troupe::sim
