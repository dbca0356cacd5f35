#pragma once

#include "actors/peer/handles.hpp"
#include "actors/peer/peer_counters.hpp"
#include "actors/peer/peer_link.hpp"
#include "actors/peer/waiting_room.hpp"
#include "actors/peer/wire.hpp"

#include <caf/actor_control_block.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

namespace troupe::peer {

/// The near end of a connection that was accepted, and the only actor that the other end reaches.
/// Whoever says an acceptable hello is that member from then on: what it says in the name of
/// another one is dropped, as is everything before and everything from other actors.
///
///   awaiting hello --accepted--> serving --lost, silent, replaced--> ended
///        |  ^
///        |  +--refused-- (told so; ends at the deadline if the other end does not)
///        +--too late, lost--> ended
using peer_session_actor = session_face::extend<caf::reacts_to<tick>, caf::reacts_to<end_session>>;

struct session_config {
  host_and_port other_end;
  /// For the first acceptable hello.
  std::chrono::milliseconds greeting{1000};
  /// Without a byte for so long the connection is given up.
  std::chrono::milliseconds silence{3000};
  std::chrono::milliseconds tick{50};
};

struct session_host {
  session_config config;
  network_parts network;
  /// Where the peers' messages go.
  raft::peer_handle member;
  std::shared_ptr<peer::wire> wire;
  /// Given up when it is known who is there.
  std::shared_ptr<waiting_room::seat> seat;
};

struct session_state {
  session_state() = default;
  ~session_state();

  static inline const char* name = "peer.session";

  std::shared_ptr<session_host> host;
  /// The link at the other end, from its first hello on.
  caf::strong_actor_ptr remote;
  /// 0 until its hello was accepted.
  member_id peer;
  std::shared_ptr<peer_figures> figures;
  /// When the last byte was noticed; first, when the session began.
  time_point heard{};
  std::uint64_t received = 0;
};

peer_session_actor::behavior_type
session_behavior(peer_session_actor::stateful_pointer<session_state> self,
                 const std::shared_ptr<session_host>& host);

} // namespace troupe::peer
