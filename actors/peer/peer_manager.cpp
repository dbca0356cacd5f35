#include "actors/peer/peer_manager.hpp"

#include "actors/failure/failure.hpp"
#include "actors/log/log.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <set>
#include <utility>

namespace troupe::peer {

namespace {

using manager_pointer = peer_manager_actor::stateful_pointer<manager_state>;

/// After which a link that failed is started anew.
constexpr std::chrono::seconds restart_pause{1};

/// @returns whether a link has ended.
bool end_unwanted_links(manager_pointer self) {
  auto& state = self->state;
  auto ended = std::erase_if(state.links, [&](const auto& known) {
    const auto& [peer, entry] = known;
    auto now = state.others.find(peer);
    if (now != state.others.end() && now->second.peer_urls == entry.urls)
      return false;
    self->demonitor(entry.link.address());
    self->send(entry.link, end_peers{});
    if (now == state.others.end())
      state.host->counters->forget(peer);
    return true;
  });
  return ended > 0;
}

/// @returns whether a link has begun.
bool start_missing_links(manager_pointer self) {
  auto& state = self->state;
  bool any = false;
  for (const auto& [peer, member] : state.others) {
    if (state.links.contains(peer))
      continue;
    auto link = state.host->start_link(peer_manager_actor{self}, peer, state.rules->hello_to(peer),
                                       member.peer_urls);
    if (!link)
      continue;
    self->monitor(link);
    state.links[peer] = {member.peer_urls, std::move(link)};
    any = true;
  }
  return any;
}

void send_table(manager_pointer self) {
  raft::peer_table table;
  for (const auto& [peer, entry] : self->state.links)
    table.peers[peer] = entry.link;
  self->send(self->state.host->listener, std::move(table));
}

std::set<member_id> ids_of(const std::map<member_id, configured_member>& members) {
  std::set<member_id> result;
  for (const auto& [id, member] : members)
    result.insert(id);
  return result;
}

void on_configuration(manager_pointer self, const configuration_changed& changed) {
  auto& state = self->state;
  state.others = changed.now.everyone();
  state.others.erase(state.host->own.member);
  state.rules->configured(ids_of(state.others));
  auto ended = end_unwanted_links(self);
  auto started = start_missing_links(self);
  if (ended || started)
    send_table(self);
  // One that is not committed may be undone.
  if (!changed.committed)
    return;
  state.rules->removed(changed.now.removed);
  for (auto id : changed.now.removed)
    if (auto session = state.sessions.extract(id))
      self->send(session.mapped(), end_session{});
}

void on_link_down(manager_pointer self, const caf::down_msg& down) {
  auto ended = std::erase_if(self->state.links, [&](const auto& known) {
    return known.second.link.address() == down.source;
  });
  if (ended == 0)
    return;
  log::error("a peer link has failed", {{"error", caf::to_string(down.reason)}});
  self->delayed_send(self, restart_pause, tick{});
}

hello_judged on_hello(manager_pointer self, const judge_hello& asked) {
  auto& state = self->state;
  hello_judged result{state.rules->judge(asked.said, asked.expected),
                      state.rules->hello_to(asked.said.member)};
  if (result.refusal != hello_refusal::none || !asked.session
      || !state.rules->is_configured(asked.said.member))
    return result;
  auto older = std::exchange(state.sessions[asked.said.member], asked.session);
  if (older)
    self->send(older, end_session{});
  return result;
}

} // namespace

peer_manager_actor::behavior_type
manager_behavior(manager_pointer self, const std::shared_ptr<const manager_host>& host) {
  auto& state = self->state;
  state.host = host;
  state.rules.emplace(host->own, host->boots);
  self->set_exception_handler(failure_of);
  self->set_down_handler([self](const caf::down_msg& down) { on_link_down(self, down); });
  return {
    [=](const configuration_changed& changed) { on_configuration(self, changed); },
    [=](const judge_hello& asked) { return on_hello(self, asked); },
    [=](const tick&) {
      if (start_missing_links(self))
        send_table(self);
    },
    [=](const end_peers&) {
      for (const auto& [peer, entry] : self->state.links)
        self->send(entry.link, end_peers{});
      self->quit();
    },
  };
}

} // namespace troupe::peer
