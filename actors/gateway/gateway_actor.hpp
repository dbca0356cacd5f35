#pragma once

#include "actors/edge/edge_actor.hpp"
#include "actors/gateway/gateway_core.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <map>
#include <memory>

namespace troupe::gateway {

/// What the gateway knows of an edge.
using gateway_edge =
  caf::typed_actor<caf::reacts_to<http_response>, caf::reacts_to<http_body_parts>>;

/// Introduces an edge to the gateway: requests of this number are answered there.
struct gateway_edge_joined {
  std::uint32_t edge = 0;
  gateway_edge handle;
};

/// Serves the JSON gateway. It stands where an edge stands: the actors that answer calls know it as
/// the edge of its number.
using gateway_actor = caf::typed_actor<
  // From an edge: a request.
  caf::reacts_to<http_request>,
  // From an edge: what became of it.
  caf::reacts_to<http_event>,
  // From whoever answers calls.
  caf::reacts_to<rpc_answers>,
  // From itself: a deadline has come.
  caf::reacts_to<tick>,
  // Introduces an edge.
  caf::reacts_to<gateway_edge_joined>>;

/// What the gateway works with.
struct gateway_host {
  gateway_host(gateway_core core, call_sink service, std::shared_ptr<const clock> time);

  void carry_out(gateway_output&& out) const;

  gateway_core core;
  call_sink service;
  std::shared_ptr<const clock> time;
  std::map<std::uint32_t, gateway_edge> edges;
  /// The next tick that is under way.
  time_point wakes_at = time_point::max();
};

struct gateway_state {
  gateway_state() = default;

  static inline const char* name = "gateway";

  std::shared_ptr<gateway_host> host;
};

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self,
                                              const std::shared_ptr<gateway_host>& host);

} // namespace troupe::gateway

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::gateway::gateway_edge_joined)
