#include "messages/membership.hpp"

#include "messages/proto/record.pb.h"

#include <utility>

namespace troupe {

namespace {

using members_by_id = std::map<member_id, configured_member>;
using member_records = google::protobuf::RepeatedPtrField<record::MemberRecord>;

void write(const members_by_id& members, member_records& to) {
  for (const auto& [id, member] : members) {
    auto& each = *to.Add();
    each.set_id(id.value);
    each.set_name(member.name);
    each.set_is_learner(member.is_learner);
    each.mutable_peer_urls()->Add(member.peer_urls.begin(), member.peer_urls.end());
  }
}

/// @returns whether every record is of another member, and of one.
bool read(const member_records& from, members_by_id& members) {
  for (const auto& each : from) {
    configured_member member{.is_learner = each.is_learner(),
                             .peer_urls = {each.peer_urls().begin(), each.peer_urls().end()},
                             .name = each.name()};
    if (each.id() == 0 || !members.emplace(member_id{each.id()}, std::move(member)).second)
      return false;
  }
  return true;
}

bool parse(const blob& payload, google::protobuf::MessageLite& into) {
  return into.ParseFromArray(payload.view().data(), static_cast<int>(payload.size()));
}

} // namespace

std::set<member_id> configuration::voters() const {
  std::set<member_id> result;
  for (const auto& [id, member] : members)
    if (!member.is_learner)
      result.insert(id);
  return result;
}

std::set<member_id> configuration::learners() const {
  std::set<member_id> result;
  for (const auto& [id, member] : members)
    if (member.is_learner)
      result.insert(id);
  return result;
}

bool configuration::is_voter(member_id id) const {
  auto found = members.find(id);
  return outgoing.contains(id) || (found != members.end() && !found->second.is_learner);
}

members_by_id configuration::everyone() const {
  auto result = members;
  result.insert(outgoing.begin(), outgoing.end());
  return result;
}

blob encode(const configuration& what) {
  record::InitialMembership bytes;
  bytes.set_cluster_id(what.cluster.value);
  write(what.members, *bytes.mutable_members());
  write(what.outgoing, *bytes.mutable_outgoing());
  for (auto id : what.removed)
    bytes.add_removed(id.value);
  return blob{bytes.SerializeAsString()};
}

std::optional<configuration> decode_configuration(const blob& payload) {
  record::InitialMembership bytes;
  configuration result;
  if (!parse(payload, bytes) || !read(bytes.members(), result.members)
      || !read(bytes.outgoing(), result.outgoing))
    return std::nullopt;
  result.cluster = {bytes.cluster_id()};
  for (auto id : bytes.removed())
    result.removed.insert({id});
  if (result.voters().empty())
    return std::nullopt;
  return result;
}

blob encode(const configuration_change& what) {
  record::ConfigurationChange bytes;
  for (const auto& step : what.steps) {
    auto& each = *bytes.add_steps();
    each.set_kind(static_cast<record::ConfigurationStep::Kind>(step.kind));
    each.set_id(step.id.value);
    each.mutable_peer_urls()->Add(step.peer_urls.begin(), step.peer_urls.end());
    each.set_name(step.name);
  }
  return blob{bytes.SerializeAsString()};
}

std::optional<configuration_change> decode_configuration_change(const blob& payload) {
  record::ConfigurationChange bytes;
  if (!parse(payload, bytes) || bytes.steps().empty())
    return std::nullopt;
  configuration_change result;
  for (const auto& step : bytes.steps()) {
    const bool known = step.kind() != record::ConfigurationStep::NONE
                       && record::ConfigurationStep::Kind_IsValid(step.kind());
    if (!known || step.id() == 0)
      return std::nullopt;
    result.steps.push_back({.kind = static_cast<configuration_step::what>(step.kind()),
                            .id = {step.id()},
                            .peer_urls = {step.peer_urls().begin(), step.peer_urls().end()},
                            .name = step.name()});
  }
  return result;
}

} // namespace troupe
