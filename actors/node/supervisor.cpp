#include "actors/node/supervisor.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <utility>

namespace troupe {

void supervisor_state::fail(const std::string& reason) {
  if (std::exchange(told, true))
    return;
  for (const auto& actor : vital)
    caf::anon_send_exit(caf::actor_cast<caf::actor_addr>(actor.handle), caf::exit_reason::kill);
  if (on_fatal)
    on_fatal(reason);
}

void failure_relay::connect(const supervisor_actor& supervisor) {
  const std::lock_guard lock{mutex_};
  supervisor_ = supervisor;
  if (supervisor && !early_.empty())
    caf::anon_send(supervisor, node_failed{std::exchange(early_, {})});
}

void failure_relay::report(const std::string& reason) {
  const std::lock_guard lock{mutex_};
  if (supervisor_)
    caf::anon_send(supervisor_, node_failed{reason});
  else
    early_ = reason;
}

supervisor_actor::behavior_type
supervisor_behavior(supervisor_actor::stateful_pointer<supervisor_state> self,
                    const std::vector<vital_actor>& vital,
                    const std::function<void(const std::string&)>& on_fatal) {
  self->state.vital = vital;
  self->state.on_fatal = on_fatal;

  for (const auto& actor : self->state.vital)
    self->monitor(caf::actor_cast<caf::actor_addr>(actor.handle));
  self->set_down_handler([self](const caf::down_msg& down) {
    std::string culprit = "an actor";
    for (const auto& actor : self->state.vital)
      if (caf::actor_cast<caf::actor_addr>(actor.handle) == down.source)
        culprit = actor.name;
    self->state.fail(culprit + " ended: " + self->system().render(down.reason));
  });
  return {
    [=](const vital_actor& actor) {
      self->state.vital.push_back(actor);
      self->monitor(caf::actor_cast<caf::actor_addr>(actor.handle));
    },
    [=](const node_failed& failure) { self->state.fail(failure.reason); },
    [=](const stand_down&) {
      self->state.told = true;
      self->quit();
    },
  };
}

} // namespace troupe
