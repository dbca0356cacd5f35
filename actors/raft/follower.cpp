#include "actors/raft/follower.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type follower(role_actor::stateful_pointer<follower_state> self,
                                   const member_actor& member, const handles& out,
                                   const std::shared_ptr<replica>& state) {
  return host_role(self, member, out, follower_core{std::move(*state)});
}

} // namespace troupe::raft
