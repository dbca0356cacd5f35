#include "actors/raft/member.hpp"

#include "actors/failure/failure.hpp"
#include "actors/raft/candidate.hpp"
#include "actors/raft/core/term_rules.hpp"
#include "actors/raft/follower.hpp"
#include "actors/raft/forward.hpp"
#include "actors/raft/leader.hpp"
#include "actors/raft/learner.hpp"
#include "actors/raft/pre_candidate.hpp"
#include "messages/ensure.hpp"

#include <utility>

namespace troupe::raft {

namespace {

using member_pointer = member_actor::stateful_pointer<member_state>;

template <class Function>
role_actor spawn_role(member_pointer self, Function function, role_change start) {
  const auto& state = self->state;
  auto launch =
    std::make_shared<role_launch>(member_actor{self}, state.out, state.peers, std::move(start));
  if (state.detached)
    return self->spawn<caf::linked + caf::detached>(function, launch);
  return self->spawn<caf::linked>(function, launch);
}

role_actor spawn_role(member_pointer self, role_change start) {
  switch (start.role) {
  case raft_role::follower:
    return spawn_role(self, follower, std::move(start));
  case raft_role::pre_candidate:
    return spawn_role(self, pre_candidate, std::move(start));
  case raft_role::candidate:
    return spawn_role(self, candidate, std::move(start));
  case raft_role::leader:
    return spawn_role(self, leader, std::move(start));
  case raft_role::learner:
    return spawn_role(self, learner, std::move(start));
  }
  fail_invariant("a role is one of those known", std::source_location::current());
}

void start_first_role(member_pointer self, handles out) {
  auto& state = self->state;
  ensure(!state.role, "a member is told once whom to talk to");
  state.out = std::move(out);
  const auto role = passive_role(*state.first);
  state.role = spawn_role(self, {role, std::move(*state.first)});
  state.first.reset();
  for (auto& message : std::exchange(state.early, {}))
    forward(self, state.role, std::move(message));
}

void start_next_role(member_pointer self, role_change change) {
  auto old = std::exchange(self->state.role, spawn_role(self, std::move(change)));
  self->send(old, retire{});
}

void reach_by(member_pointer self, const peer_table& peers) {
  auto& state = self->state;
  state.peers = peers;
  if (state.role)
    self->send(state.role, peers);
}

void pass_to_role(member_pointer self) {
  auto& state = self->state;
  if (state.role)
    forward_current(self, state.role);
  else
    state.early.push_back(self->current_mailbox_element()->move_content_to_message());
}

void release_flushed(member_pointer self, entry_id flushed) {
  auto& state = self->state;
  if (flushed.index <= state.released || !state.out.storage)
    return;
  state.released = flushed.index;
  self->send(state.out.storage, release_log{flushed});
}

member_actor::behavior_type member(member_pointer self, const std::shared_ptr<replica>& first,
                                   bool detached) {
  self->set_exception_handler(failure_of);
  self->state.first = first;
  self->state.detached = detached;
  return {
    [=](const handles& out) { start_first_role(self, out); },
    [=](const peer_table& peers) { reach_by(self, peers); },
    [=](next_role& ended) { start_next_role(self, std::move(ended.change)); },
    [=](const propose&) { pass_to_role(self); },
    [=](const read_index_request&) { pass_to_role(self); },
    [=](const transfer_leadership&) { pass_to_role(self); },
    [=](const request_vote&) { pass_to_role(self); },
    [=](const request_vote_reply&) { pass_to_role(self); },
    [=](const append&) { pass_to_role(self); },
    [=](const append_reply&) { pass_to_role(self); },
    [=](const timeout_now&) { pass_to_role(self); },
    [=](const forward_propose&) { pass_to_role(self); },
    [=](const forward_refused&) { pass_to_role(self); },
    [=](const forward_read&) { pass_to_role(self); },
    [=](const forward_read_reply&) { pass_to_role(self); },
    [=](const link_lost&) { pass_to_role(self); },
    [=](const link_found&) { pass_to_role(self); },
    [=](const snapshot_result&) { pass_to_role(self); },
    [=](const persisted&) { pass_to_role(self); },
    [=](const applied& done) {
      release_flushed(self, done.flushed);
      pass_to_role(self);
    },
    [=](tick) { pass_to_role(self); },
    [=](get_raft_status) -> caf::result<raft_status> {
      const auto& state = self->state;
      if (state.role)
        return self->delegate(state.role, get_raft_status{});
      return raft_status{passive_role(*state.first),
                         state.first->term(),
                         {},
                         state.first->commit_index(),
                         state.first->log().last().index};
    },
  };
}

} // namespace

member_actor spawn_member(caf::actor_system& system, member_config config) {
  auto first =
    std::make_shared<replica>(std::move(config.core), std::move(config.found), config.seed);
  if (config.detached)
    return system.spawn<caf::detached>(member, first, true);
  return system.spawn(member, first, false);
}

} // namespace troupe::raft
