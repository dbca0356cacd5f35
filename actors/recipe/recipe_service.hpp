#pragma once

#include "actors/edge/edge_actor.hpp"
#include "actors/recipe/recipe_core.hpp"
#include "actors/service/answer_router.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>

namespace troupe::recipe {

/// Names the service that takes the inner calls. Sent once, before anything else.
struct call_through {
  call_sink service;
};

/// Serves locks and elections.
using recipe_actor = caf::typed_actor<
  // From the service: what clients did.
  caf::reacts_to<call_batch>,
  // From whoever answers inner calls: the recipes are the edge of these and join as such.
  caf::reacts_to<rpc_answers>,
  // Looks after deadlines.
  caf::reacts_to<tick>,
  // Introduces an edge.
  caf::reacts_to<service::edge_joined>,
  // See there.
  caf::reacts_to<call_through>>;

struct recipe_host {
  recipe_host(recipe_core core, std::shared_ptr<const clock> time);

  void carry_out(recipe_output&& out) const;

  recipe_core core;
  std::shared_ptr<const clock> time;
  call_sink service;
  service::answer_router edges;
};

struct recipe_state {
  recipe_state() = default;

  static inline const char* name = "recipes";

  std::shared_ptr<recipe_host> host;
};

recipe_actor::behavior_type recipe_behavior(recipe_actor::stateful_pointer<recipe_state> self,
                                            const std::shared_ptr<recipe_host>& host);

} // namespace troupe::recipe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::recipe::call_through)
