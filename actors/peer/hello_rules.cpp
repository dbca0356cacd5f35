#include "actors/peer/hello_rules.hpp"

#include <utility>

namespace troupe::peer {

hello_rules::hello_rules(own_identity own, std::map<member_id, boot_count> boots) : own_(own) {
  for (const auto& [member, boot] : boots)
    seen_[member] = {boot, 0};
}

hello_v1 hello_rules::hello_to(member_id receiver) const {
  return {.protocol = peer_protocol,
          .cluster = own_.cluster,
          .member = own_.member,
          .boot = own_.boot,
          .incarnation = own_.incarnation,
          .receiver = receiver};
}

void hello_rules::configured(std::set<member_id> ids) {
  configured_ = std::move(ids);
}

void hello_rules::removed(const std::set<member_id>& ids) {
  removed_.insert(ids.begin(), ids.end());
}

hello_refusal hello_rules::refusal_of(const hello_v1& said, member_id expected) const {
  if (said.protocol != peer_protocol)
    return hello_refusal::other_protocol;
  if (said.cluster != own_.cluster)
    return hello_refusal::other_cluster;
  if (said.receiver != own_.member)
    return hello_refusal::other_receiver;
  if (said.member == own_.member || said.member == member_id{})
    return hello_refusal::bad_id;
  if (expected != member_id{} && said.member != expected)
    return hello_refusal::other_receiver;
  if (removed_.contains(said.member))
    return hello_refusal::removed;
  auto before = seen_.find(said.member);
  if (before == seen_.end() || said.boot > before->second.boot)
    return hello_refusal::none;
  if (said.boot < before->second.boot)
    return hello_refusal::older_boot;
  auto process = before->second.incarnation;
  return process != 0 && process != said.incarnation ? hello_refusal::second_process
                                                     : hello_refusal::none;
}

hello_refusal hello_rules::judge(const hello_v1& said, member_id expected) {
  auto result = refusal_of(said, expected);
  if (result == hello_refusal::none && is_configured(said.member))
    seen_[said.member] = {said.boot, said.incarnation};
  return result;
}

member_id sender_of(const request_vote& what) {
  return what.candidate;
}

member_id sender_of(const request_vote_reply& what) {
  return what.voter;
}

member_id sender_of(const append& what) {
  return what.leader;
}

member_id sender_of(const append_reply& what) {
  return what.follower;
}

member_id sender_of(const timeout_now& what) {
  return what.leader;
}

member_id sender_of(const forward_propose& what) {
  return what.from;
}

member_id sender_of(const forward_refused&) {
  return {};
}

member_id sender_of(const forward_read& what) {
  return what.from;
}

member_id sender_of(const forward_read_reply&) {
  return {};
}

namespace {

/// Ids, term and index of an entry or proposal, and the name of its type.
constexpr std::uint64_t part_bytes = 80;

} // namespace

std::uint64_t size_of(const append& what) {
  std::uint64_t result = 128;
  for (const auto& entry : what.entries)
    result += part_bytes + entry.payload.size();
  return result;
}

std::uint64_t size_of(const forward_propose& what) {
  std::uint64_t result = 128;
  for (const auto& proposal : what.proposals)
    result += part_bytes + proposal.payload.size();
  return result;
}

std::uint64_t size_of(const forward_refused& what) {
  return 128 + 8 * what.counters.size();
}

} // namespace troupe::peer
