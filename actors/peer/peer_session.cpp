#include "actors/peer/peer_session.hpp"

#include "actors/failure/failure.hpp"
#include "actors/log/log.hpp"
#include "actors/raft/forward.hpp"

#include <caf/actor_cast.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdio>
#include <utility>

namespace troupe::peer {

namespace {

using session_pointer = peer_session_actor::stateful_pointer<session_state>;

time_point now(session_pointer self) {
  return self->state.host->network.time->now();
}

bool from_other_end(session_pointer self) {
  const auto& state = self->state;
  return state.remote && self->current_sender() == state.remote;
}

void refuse(session_pointer self, const hello_v1& said, hello_refusal reason) {
  const auto& host = *self->state.host;
  char id[17];
  std::snprintf(id, sizeof id, "%llx", static_cast<unsigned long long>(said.member.value));
  log::warn("refused a peer's hello", {{"remote-peer-id", id},
                                       {"remote-addr", to_string(host.config.other_end)},
                                       {"error", to_string(reason)}});
  self->send(caf::actor_cast<link_face>(self->state.remote), hello_refused_v1{reason});
  // Another hello over this connection would be as good; there is none, so the deadline ends it.
  if (host.network.refused)
    host.network.refused(said.member, reason, false);
}

void accept(session_pointer self, const hello_v1& said, const hello_v1& answer) {
  auto& state = self->state;
  state.peer = said.member;
  state.figures = state.host->network.counters->of(said.member);
  state.heard = now(self);
  state.host->seat.reset();
  self->send(caf::actor_cast<link_face>(state.remote), answer);
}

void on_hello(session_pointer self, const hello_v1& said) {
  auto& state = self->state;
  // One hello for each connection.
  if (state.remote || !self->current_sender())
    return;
  state.remote = self->current_sender();
  self->monitor(state.remote);
  self
    ->request(state.host->network.manager, caf::infinite,
              judge_hello{said, {}, peer_session_actor{self}})
    .then(
      [=](const hello_judged& judged) {
        if (judged.refusal == hello_refusal::none)
          accept(self, said, judged.answer);
        else
          refuse(self, said, judged.refusal);
      },
      [=](const caf::error&) { self->quit(); });
}

/// @param named who the message says it is from; 0: it does not say.
void pass_on(session_pointer self, member_id named) {
  auto& state = self->state;
  if (state.peer == member_id{} || !from_other_end(self))
    return;
  if (named != member_id{} && named != state.peer)
    return state.figures->received_failures.add();
  raft::forward_current(self, state.host->member);
}

void on_tick(session_pointer self) {
  auto& state = self->state;
  const auto& config = state.host->config;
  self->delayed_send(self, config.tick, tick{});
  auto received = state.host->wire->received();
  auto since = received - std::exchange(state.received, received);
  bool known = state.peer != member_id{};
  if (known) {
    state.figures->received_bytes.add(since);
    if (since > 0)
      state.heard = now(self);
  }
  if (now(self) - state.heard >= (known ? config.silence : config.greeting)
      || state.host->wire->hung_up())
    self->quit();
}

} // namespace

session_state::~session_state() {
  if (host)
    host->wire->hang_up();
}

peer_session_actor::behavior_type session_behavior(session_pointer self,
                                                   const std::shared_ptr<session_host>& host) {
  auto& state = self->state;
  state.host = host;
  state.heard = now(self);
  self->set_exception_handler(failure_of);
  // Whoever is at the other end can send these: they neither end the session nor fill the log.
  self->set_exit_handler([](const caf::exit_msg&) {});
  self->set_default_handler(caf::drop);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (self->state.remote && down.source == self->state.remote)
      self->quit();
  });
  self->send(self, tick{});
  return {
    [=](const request_vote& what) { pass_on(self, sender_of(what)); },
    [=](const request_vote_reply& what) { pass_on(self, sender_of(what)); },
    [=](const append& what) { pass_on(self, sender_of(what)); },
    [=](const append_reply& what) { pass_on(self, sender_of(what)); },
    [=](const timeout_now& what) { pass_on(self, sender_of(what)); },
    [=](const forward_propose& what) { pass_on(self, sender_of(what)); },
    [=](const forward_refused& what) { pass_on(self, sender_of(what)); },
    [=](const forward_read& what) { pass_on(self, sender_of(what)); },
    [=](const forward_read_reply& what) { pass_on(self, sender_of(what)); },
    [=](const hello_v1& said) { on_hello(self, said); },
    [=](const ping_v1& ping) {
      if (from_other_end(self) && self->state.peer != member_id{})
        self->send(caf::actor_cast<link_face>(self->state.remote), pong_v1{ping.number});
    },
    [=](const tick&) { on_tick(self); },
    [=](const end_session&) { self->quit(); },
  };
}

} // namespace troupe::peer
