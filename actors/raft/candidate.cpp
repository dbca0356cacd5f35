#include "actors/raft/candidate.hpp"

#include <utility>

namespace troupe::raft {

role_actor::behavior_type candidate(role_actor::stateful_pointer<candidate_state> self,
                                    const member_actor& member, const handles& out,
                                    const std::shared_ptr<replica>& state) {
  return host_role(self, member, out, candidate_core{std::move(*state)});
}

} // namespace troupe::raft
