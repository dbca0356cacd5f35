#include "actors/peer/peer_link.hpp"

#include "actors/failure/failure.hpp"
#include "actors/log/log.hpp"
#include "actors/peer/peer_scribe.hpp"

#include <caf/actor_cast.hpp>
#include <caf/io/scribe.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/node_id.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdio>
#include <set>
#include <utility>

namespace troupe::peer {

namespace {

using link_pointer = peer_link_actor::stateful_pointer<link_state>;

time_point now(link_pointer self) {
  return self->state.host->network.time->now();
}

std::string id_text(member_id id) {
  char text[17];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(id.value));
  return text;
}

/// Once for each reason: a peer that is away for a day is one line.
void tell(link_pointer self, const std::string& why) {
  if (std::exchange(self->state.told, why) != why)
    log::warn("peer cannot be reached",
              {{"remote-peer-id", id_text(self->state.host->config.peer)}, {"error", why}});
}

void drop_connection(link_pointer self) {
  auto& state = self->state;
  if (state.wire)
    state.wire->hang_up();
  if (state.remote)
    self->demonitor(caf::actor_cast<caf::actor_addr>(state.remote));
  state.wire.reset();
  state.remote.reset();
}

void tell_reachable(link_pointer self, bool reachable) {
  auto& state = self->state;
  const auto& host = *state.host;
  auto peer = host.config.peer;
  state.figures->active.set(reachable ? 1 : 0);
  if (reachable) {
    state.told.clear();
    log::info("peer became active", {{"peer-id", id_text(peer)}});
    self->send(host.network.listener, link_found{peer});
  } else {
    state.figures->disconnects.add();
    log::warn("peer became inactive", {{"peer-id", id_text(peer)}});
    self->send(host.network.listener, link_lost{peer});
  }
}

void carry_out(link_pointer self, const link_core::step& step);

void fail(link_pointer self, const std::string& why) {
  tell(self, why);
  carry_out(self, self->state.core->failed(now(self)));
}

/// CAF's handshake is over: `remote` is the session at the other end.
void greet(link_pointer self, caf::strong_actor_ptr remote) {
  auto& state = self->state;
  if (!remote)
    return fail(self, "nothing takes part at the other end");
  state.remote = std::move(remote);
  self->monitor(state.remote);
  self->send(caf::actor_cast<session_face>(state.remote), state.host->config.hello);
}

void open(link_pointer self, connection& opened) {
  auto& state = self->state;
  const auto& host = *state.host;
  state.wire = std::make_shared<wire>(opened.socket.get(), host.network.max_message_bytes);
  state.sent = 0;
  auto port = opened.other_end.port;
  auto scribe = make_peer_scribe(*host.multiplexer, std::move(opened), state.wire);
  carry_out(self, state.core->connected(now(self)));
  // The answer may belong to a connection that was given up meanwhile.
  auto is_present = [self, wire = state.wire] { return self->state.wire == wire; };
  self->request(host.broker, caf::infinite, caf::connect_atom_v, std::move(scribe), port)
    .then(
      [=](const caf::node_id&, const caf::strong_actor_ptr& remote, const std::set<std::string>&) {
        if (is_present())
          greet(self, remote);
      },
      [=](const caf::error& error) {
        if (is_present())
          fail(self, "no handshake: " + caf::to_string(error));
      });
}

void start_dialing(link_pointer self) {
  self->request(self->state.connector, caf::infinite, dial{})
    .then(
      [=](const dialed& result) {
        if (result.opened)
          open(self, *result.opened);
        else
          fail(self, result.why);
      },
      [=](const caf::error& error) { fail(self, caf::to_string(error)); });
}

void carry_out(link_pointer self, const link_core::step& step) {
  auto& state = self->state;
  if (step.hang_up)
    drop_connection(self);
  if (step.dial)
    start_dialing(self);
  if (step.ping && state.remote)
    self->send(caf::actor_cast<session_face>(state.remote), ping_v1{*step.ping});
  if (step.reachable)
    tell_reachable(self, *step.reachable);
}

void on_tick(link_pointer self) {
  auto& state = self->state;
  self->delayed_send(self, state.host->config.tick, tick{});
  bool progressed = false;
  if (state.wire) {
    auto sent = state.wire->sent();
    auto since = sent - std::exchange(state.sent, sent);
    state.figures->sent_bytes.add(since);
    progressed = since > 0 && state.wire->backlog() > 0;
  }
  auto before = state.core->now_in();
  auto step = state.core->on_tick(now(self), progressed);
  if (step.hang_up)
    tell(self, before == link_core::phase::up ? "it has been silent too long" : "no hello in time");
  carry_out(self, step);
}

bool from_other_end(link_pointer self) {
  const auto& state = self->state;
  return state.remote && self->current_sender() == state.remote;
}

void refuse(link_pointer self, hello_refusal reason, bool by_peer) {
  const auto& host = *self->state.host;
  tell(self, (by_peer ? "it refused our hello: " : "its hello was refused: ") + to_string(reason));
  carry_out(self, self->state.core->refused(now(self)));
  if (host.network.refused)
    host.network.refused(host.config.peer, reason, by_peer);
}

void on_hello(link_pointer self, const hello_v1& said) {
  if (!from_other_end(self) || self->state.core->now_in() != link_core::phase::greeting)
    return;
  const auto& host = *self->state.host;
  auto is_present = [self, wire = self->state.wire] {
    return self->state.wire == wire && self->state.core->now_in() == link_core::phase::greeting;
  };
  self->request(host.network.manager, caf::infinite, judge_hello{said, host.config.peer, {}})
    .then(
      [=](const hello_judged& judged) {
        if (!is_present())
          return;
        if (judged.refusal == hello_refusal::none)
          carry_out(self, self->state.core->greeted(now(self)));
        else
          refuse(self, judged.refusal, false);
      },
      [=](const caf::error& error) {
        if (is_present())
          fail(self, caf::to_string(error));
      });
}

void on_pong(link_pointer self, const pong_v1& pong) {
  if (!from_other_end(self))
    return;
  if (auto took = self->state.core->pong(now(self), pong.number))
    self->state.figures->round_trip.observe(*took);
}

/// What is here is what the handler got: passed on as it is, without a copy.
void pass_on(link_pointer self, std::uint64_t bytes) {
  auto& state = self->state;
  auto step = state.core->pass(now(self), bytes);
  if (!step) {
    state.figures->sent_failures.add();
    return;
  }
  state.remote->enqueue(caf::actor_cast<caf::strong_actor_ptr>(self), caf::make_message_id(),
                        self->current_mailbox_element()->move_content_to_message(),
                        self->context());
  carry_out(self, *step);
}

void end(link_pointer self) {
  if (self->state.core->up()) {
    self->state.figures->active.set(0);
    self->send(self->state.host->network.listener, link_lost{self->state.host->config.peer});
  }
  self->quit();
}

} // namespace

link_state::~link_state() {
  if (wire)
    wire->hang_up();
  if (host)
    host->config.way->cancel();
  if (connector)
    caf::anon_send_exit(connector, caf::exit_reason::user_shutdown);
}

peer_link_actor::behavior_type link_behavior(link_pointer self,
                                             const std::shared_ptr<const link_host>& host) {
  auto& state = self->state;
  state.host = host;
  state.core.emplace(host->config.timing, host->config.max_unconfirmed_bytes, host->config.seed);
  state.figures = host->network.counters->of(host->config.peer);
  state.connector = self->spawn<caf::detached>(connector_behavior, host->config.way);
  self->set_exception_handler(failure_of);
  // Whoever is at the other end can send these: neither ends the link nor fills the log.
  self->set_exit_handler([](const caf::exit_msg&) {});
  self->set_default_handler(caf::drop);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (self->state.remote && down.source == self->state.remote)
      fail(self, "the connection was lost: " + caf::to_string(down.reason));
  });
  self->send(self, tick{});
  return {
    [=](const request_vote& what) { pass_on(self, size_of(what)); },
    [=](const request_vote_reply& what) { pass_on(self, size_of(what)); },
    [=](const append& what) { pass_on(self, size_of(what)); },
    [=](const append_reply& what) { pass_on(self, size_of(what)); },
    [=](const timeout_now& what) { pass_on(self, size_of(what)); },
    [=](const forward_propose& what) { pass_on(self, size_of(what)); },
    [=](const forward_refused& what) { pass_on(self, size_of(what)); },
    [=](const forward_read& what) { pass_on(self, size_of(what)); },
    [=](const forward_read_reply& what) { pass_on(self, size_of(what)); },
    [=](const tick&) { on_tick(self); },
    [=](const hello_v1& said) { on_hello(self, said); },
    [=](const hello_refused_v1& refused) {
      if (from_other_end(self))
        refuse(self, refused.reason, true);
    },
    [=](const pong_v1& pong) { on_pong(self, pong); },
    [=](const end_peers&) { end(self); },
  };
}

} // namespace troupe::peer
