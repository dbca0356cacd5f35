#include "actors/raft/leader.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type leader(role_actor::stateful_pointer<leader_state> self,
                                 const member_actor& member, const handles& out,
                                 const std::shared_ptr<replica>& state) {
  return host_role(self, member, out, leader_core{std::move(*state)});
}

} // namespace troupe::raft
