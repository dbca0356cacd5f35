#pragma once

#include "messages/subscription.hpp"
#include "messages/type_ids.hpp"

#include <caf/message.hpp>
#include <caf/typed_actor.hpp>
#include <cstdint>

/// Watches of programs elsewhere, as remote actors:
///
///   subscriber --subscribe, credit, unsubscribe--> face --credit--> remote_watcher <--> hub,
///   history
///        ^                                          | ^                  |
///        +----------- started, changes, lost -------+ +-- remote_parcel -+
///
///   (another program)                   (system of the port)         (core system)
///
/// Each subscription has a watcher of its own beside the hub. Handles of other programs stay in the
/// system of the port: they must not outlive it.
namespace troupe::watch {

/// The one actor that a node publishes. Who sends to it is the subscriber, hence no anonymous
/// messages, and has the shape of `remote_subscriber`.
using subscription_face = caf::typed_actor<caf::reacts_to<subscribe_v1>, caf::reacts_to<credit_v1>,
                                           caf::reacts_to<unsubscribe_v1>>;

/// Gets `started_v1`, then `changes_v1`, each of which it acknowledges by a `credit_v1`, and
/// `lost_v1` as the last. If it or its program ends, so does the subscription.
using remote_subscriber =
  caf::typed_actor<caf::reacts_to<started_v1>, caf::reacts_to<changes_v1>, caf::reacts_to<lost_v1>>;

/// From a watcher to the face: for the subscriber.
struct remote_parcel {
  /// The subscription.
  std::uint64_t number = 0;
  caf::message content;
  /// The subscription is over.
  bool last = false;
};

/// From the node to the face: ends it and every subscription. (Exit messages do not: other programs
/// can send those too.)
struct end_subscriptions {};

using parcel_sink = caf::typed_actor<caf::reacts_to<remote_parcel>>;
using face_actor =
  subscription_face::extend<caf::reacts_to<remote_parcel>, caf::reacts_to<end_subscriptions>>;

} // namespace troupe::watch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::remote_parcel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::end_subscriptions)
