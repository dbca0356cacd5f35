#pragma once

#include "actors/peer/handles.hpp"
#include "actors/peer/peer_link.hpp"

#include <caf/stateful_actor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::peer {

/// What a manager starts with.
struct manager_host {
  own_identity own;
  /// The highest boot count that is known of each member.
  std::map<member_id, boot_count> boots;
  network_listener listener;
  std::shared_ptr<peer_counters> counters;
  /// Starts a link to this member at these URLs. @returns null if none of them can be used.
  std::function<peer_link_actor(const peer_manager_actor& manager, member_id peer, hello_v1 hello,
                                const std::vector<std::string>& urls)>
    start_link;
};

struct manager_state {
  manager_state() = default;

  static inline const char* name = "peer.manager";

  struct entry {
    std::vector<std::string> urls;
    peer_link_actor link;
  };

  std::shared_ptr<const manager_host> host;
  std::optional<hello_rules> rules;
  /// The others of the configuration in force.
  std::map<member_id, configured_member> others;
  std::map<member_id, entry> links;
  /// The newest session of each of them.
  std::map<member_id, session_handle> sessions;
};

/// Keeps one link to each other member of the configuration in force, a new one when its URLs
/// change, and soon another one when it fails; tells the member of every change. Judges every
/// hello.
peer_manager_actor::behavior_type
manager_behavior(peer_manager_actor::stateful_pointer<manager_state> self,
                 const std::shared_ptr<const manager_host>& host);

} // namespace troupe::peer
