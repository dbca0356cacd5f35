#pragma once

#include "actors/failure/failure.hpp"
#include "actors/raft/core/output.hpp"
#include "actors/raft/forward.hpp"
#include "actors/raft/handles.hpp"
#include "actors/raft/member.hpp"
#include "actors/raft/role.hpp"

#include <optional>
#include <utility>

namespace troupe::raft {

/// What member starts a role with.
struct role_launch {
  member_actor member;
  handles out;
  peer_table peers;
  role_change start;
};

/// The world of a role: its member, and the actors that the member was told of.
class role_effects final : public effects {
public:
  role_effects(role_actor::pointer self, const role_launch& launch);

  void reach_by(peer_table peers) {
    peers_ = std::move(peers);
  }

  void send(member_id to, peer_message message) override;
  void write(persist batch) override;
  void commit(std::vector<entry> entries) override;
  void refuse(propose_refused refused) override;
  void answer(read_index_reply reply) override;
  void answer(transfer_reply reply) override;
  void want_snapshot(snapshot_wanted wanted) override;
  void configure(configuration_changed news) override;
  void change_role(role_change change) override;

  /// Tells the listener, if there is news.
  void show(const raft_status& status);

  const member_actor& member() const {
    return member_;
  }

private:
  role_actor::pointer self_;
  member_actor member_;
  handles out_;
  peer_table peers_;
  std::optional<raft_status> shown_;
};

/// What every role actor holds around its core.
template <class Core>
struct role_state {
  role_state() = default;

  std::optional<Core> core;
  std::optional<role_effects> world;
  carrier out;
  /// The core has handed over; whatever still comes goes back to member.
  bool ended = false;

  void carry_out(output step) {
    ended = step.next_role.has_value();
    out.carry_out(std::move(step), *world);
    if (!ended)
      world->show(core->status());
  }
};

/// Lets the core take one message, or hands it back.
template <class State, class Message>
void step(role_actor::stateful_pointer<State> self, const Message& message) {
  auto& state = self->state;
  bool hand_back = state.ended;
  if (!state.ended) {
    auto done = state.core->on(message);
    hand_back = done.next_role && done.next_role->repeat_message;
    state.carry_out(std::move(done));
  }
  if (hand_back)
    forward_current(self, state.world->member());
}

/// The behavior of every role: the core decides, the host acts.
template <class State, class Core>
role_actor::behavior_type host_role(role_actor::stateful_pointer<State> self,
                                    const role_launch& launch, Core core) {
  self->set_exception_handler(failure_of);
  auto& state = self->state;
  state.core.emplace(std::move(core));
  state.world.emplace(self, launch);
  state.carry_out(state.core->start());
  return {
    [=](const request_vote& rpc) { step<State>(self, rpc); },
    [=](const request_vote_reply& reply) { step<State>(self, reply); },
    [=](const append& rpc) { step<State>(self, rpc); },
    [=](const append_reply& reply) { step<State>(self, reply); },
    [=](const timeout_now& rpc) { step<State>(self, rpc); },
    [=](const forward_propose& request) { step<State>(self, request); },
    [=](const forward_refused& refused) { step<State>(self, refused); },
    [=](const forward_read& request) { step<State>(self, request); },
    [=](const forward_read_reply& reply) { step<State>(self, reply); },
    [=](const persisted& done) { step<State>(self, done); },
    [=](const applied& done) { step<State>(self, done); },
    [=](const tick& passed) { step<State>(self, passed); },
    [=](const propose& request) { step<State>(self, request); },
    [=](const read_index_request& request) { step<State>(self, request); },
    [=](const transfer_leadership& request) { step<State>(self, request); },
    [=](const link_lost& link) { step<State>(self, link); },
    [=](const link_found& link) { step<State>(self, link); },
    [=](const snapshot_result& result) { step<State>(self, result); },
    // Member has it already, for the roles to come.
    [=](const peer_table& peers) { self->state.world->reach_by(peers); },
    [=](get_raft_status) -> caf::result<raft_status> {
      if (self->state.ended)
        return self->delegate(self->state.world->member(), get_raft_status{});
      return self->state.core->status();
    },
    [=](retire) { self->quit(); },
  };
}

} // namespace troupe::raft
