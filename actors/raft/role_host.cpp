#include "actors/raft/role_host.hpp"

#include <utility>
#include <variant>

namespace troupe::raft {

role_effects::role_effects(role_actor::pointer self, const role_launch& launch)
    : self_(self), member_(launch.member), out_(launch.out), peers_(launch.peers) {}

void role_effects::send(member_id to, peer_message message) {
  auto found = peers_.peers.find(to);
  if (found == peers_.peers.end() || !found->second)
    return;
  std::visit([&](auto& content) { self_->send(found->second, std::move(content)); }, message);
}

void role_effects::write(persist batch) {
  if (out_.storage)
    self_->send(out_.storage, std::move(batch));
}

void role_effects::commit(std::vector<entry> entries) {
  if (out_.applier)
    self_->send(out_.applier, committed{std::move(entries)});
}

void role_effects::refuse(propose_refused refused) {
  if (out_.applier)
    self_->send(out_.applier, std::move(refused));
}

void role_effects::answer(read_index_reply reply) {
  if (out_.reader)
    self_->send(out_.reader, reply);
}

void role_effects::answer(transfer_reply reply) {
  if (out_.transfers)
    self_->send(out_.transfers, reply);
}

void role_effects::want_snapshot(snapshot_wanted wanted) {
  if (out_.snapshots)
    self_->send(out_.snapshots, wanted);
}

void role_effects::configure(configuration_changed news) {
  if (out_.peers)
    self_->send(out_.peers, std::move(news));
}

void role_effects::change_role(role_change change) {
  self_->send(member_, next_role{std::move(change)});
}

void role_effects::show(const raft_status& status) {
  if (!out_.listener || shown_ == status)
    return;
  shown_ = status;
  self_->send(out_.listener, status);
}

} // namespace troupe::raft
