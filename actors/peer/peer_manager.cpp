#include "actors/peer/peer_manager.hpp"

#include "actors/failure/failure.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <utility>

namespace troupe::peer {

namespace {

using manager_pointer = peer_manager_actor::stateful_pointer<manager_state>;

/// @returns whether a link has ended.
bool end_unwanted_links(manager_pointer self,
                        const std::map<member_id, configured_member>& wanted) {
  auto& links = self->state.links;
  auto before = links.size();
  std::erase_if(links, [&](const auto& known) {
    const auto& [peer, entry] = known;
    auto now = wanted.find(peer);
    if (now != wanted.end() && now->second.peer_urls == entry.urls)
      return false;
    self->send(entry.link, end_peers{});
    if (now == wanted.end())
      self->state.host->counters->forget(peer);
    return true;
  });
  return links.size() != before;
}

/// @returns whether a link has begun.
bool start_missing_links(manager_pointer self,
                         const std::map<member_id, configured_member>& wanted) {
  auto& state = self->state;
  bool any = false;
  for (const auto& [peer, member] : wanted) {
    if (state.links.contains(peer))
      continue;
    auto link = state.host->start_link(peer_manager_actor{self}, peer, state.rules->hello_to(peer),
                                       member.peer_urls);
    if (!link)
      continue;
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

void on_configuration(manager_pointer self, const configuration_changed& changed) {
  auto& state = self->state;
  auto wanted = changed.now.everyone();
  wanted.erase(state.host->own.member);
  auto ended = end_unwanted_links(self, wanted);
  auto started = start_missing_links(self, wanted);
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

hello_judged on_hello(manager_pointer self, const judge_hello& asked) {
  auto& state = self->state;
  hello_judged result{state.rules->judge(asked.said, asked.expected),
                      state.rules->hello_to(asked.said.member)};
  if (result.refusal != hello_refusal::none || !asked.session)
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
  return {
    [=](const configuration_changed& changed) { on_configuration(self, changed); },
    [=](const judge_hello& asked) { return on_hello(self, asked); },
    [=](const end_peers&) {
      for (const auto& [peer, entry] : self->state.links)
        self->send(entry.link, end_peers{});
      self->quit();
    },
  };
}

} // namespace troupe::peer
