#pragma once

#include "actors/peer/hello_rules.hpp"
#include "actors/raft/handles.hpp"
#include "messages/membership.hpp"
#include "messages/peer.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>

/// The peer network of a member. For each pair of members there are two connections, one in each
/// direction, with everything that the one has to say to the other:
///
///   roles --raft--> peer_link ==TCP==> peer_session --raft--> member
///                    |     ^             |
///   member <-found,--+     +-hello, pong-+
///            lost
///
/// peer_manager has one link per other member and judges every hello, of both directions.
namespace troupe::peer {

/// What the network tells its member beside the peers' messages.
using network_listener = caf::typed_actor<caf::reacts_to<raft::peer_table>,
                                          caf::reacts_to<link_lost>, caf::reacts_to<link_found>>;

/// The end of a connection that was accepted, as the link sees it: nothing else of a member is to
/// be reached over the network.
using session_face = raft::peer_handle::extend<caf::reacts_to<hello_v1>, caf::reacts_to<ping_v1>>;

/// The end of a connection that was opened, as the session sees it.
using link_face = caf::typed_actor<caf::reacts_to<hello_v1>, caf::reacts_to<hello_refused_v1>,
                                   caf::reacts_to<pong_v1>>;

/// From the manager to a session: a newer connection of that member has taken its place, or the
/// member was removed.
struct end_session {};

using session_handle = caf::typed_actor<caf::reacts_to<end_session>>;

/// From a link or a session to the manager: may this one take part?
struct judge_hello {
  hello_v1 said;
  /// Who must be at the other end; 0: whoever says so.
  member_id expected;
  /// Null from a link.
  session_handle session;
};

struct hello_judged {
  hello_refusal refusal = hello_refusal::none;
  /// What this member says in turn.
  hello_v1 answer;
};

/// From the node to the manager: ends it and all links.
struct end_peers {};

using peer_manager_actor = caf::typed_actor<caf::reacts_to<configuration_changed>,
                                            caf::replies_to<judge_hello>::with<hello_judged>,
                                            // From itself: start links that are missing.
                                            caf::reacts_to<tick>, caf::reacts_to<end_peers>>;

} // namespace troupe::peer

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer::end_session)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer::judge_hello)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer::hello_judged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::peer::end_peers)
