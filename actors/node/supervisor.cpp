#include "actors/node/supervisor.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

namespace troupe {

supervisor_actor::behavior_type
supervisor_behavior(supervisor_actor::stateful_pointer<supervisor_state> self,
                    const std::vector<vital_actor>& vital,
                    const std::function<void(const std::string&)>& on_fatal) {
  self->state.vital = vital;
  self->state.on_fatal = on_fatal;

  for (const auto& actor : self->state.vital)
    self->monitor(caf::actor_cast<caf::actor_addr>(actor.handle));
  self->set_down_handler([self](const caf::down_msg& down) {
    auto& state = self->state;
    if (state.told)
      return;
    state.told = true;
    std::string culprit = "an actor";
    for (const auto& actor : state.vital) {
      if (caf::actor_cast<caf::actor_addr>(actor.handle) == down.source)
        culprit = actor.name;
      caf::anon_send_exit(caf::actor_cast<caf::actor_addr>(actor.handle), caf::exit_reason::kill);
    }
    if (state.on_fatal)
      state.on_fatal(culprit + " ended: " + self->system().render(down.reason));
  });
  return {
    [=](const vital_actor& actor) {
      self->state.vital.push_back(actor);
      self->monitor(caf::actor_cast<caf::actor_addr>(actor.handle));
    },
    [=](const stand_down&) {
      self->state.told = true;
      self->quit();
    },
  };
}

} // namespace troupe
