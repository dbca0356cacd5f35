#pragma once

#include "actors/peer/dialer.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>
#include <string>

namespace troupe::peer {

/// Open a connection.
struct dial {};

struct dialed {
  /// Null: there is none. Whoever takes the content is the only one to do so.
  std::shared_ptr<connection> opened;
  /// If there is none.
  std::string why;
};

} // namespace troupe::peer

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer::dial)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer::dialed)

namespace troupe::peer {

/// Dials in a thread of its own, one for each link, so that a peer that cannot be reached delays
/// nobody else: to be spawned detached.
using connector_actor = caf::typed_actor<caf::replies_to<dial>::with<dialed>>;

connector_actor::behavior_type connector_behavior(connector_actor::pointer self,
                                                  const std::shared_ptr<dialer>& with);

} // namespace troupe::peer
