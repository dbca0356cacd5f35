#include "actors/raft/core/config_change.hpp"

#include "actors/raft/core/quorum.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

namespace troupe::raft {

namespace {

using what = configuration_step::what;

bool url_is_taken(const configuration& now, const configuration_step& step) {
  return std::ranges::any_of(now.members, [&](const auto& member) {
    return member.first != step.id && std::ranges::any_of(step.peer_urls, [&](const auto& url) {
             return std::ranges::count(member.second.peer_urls, url) > 0;
           });
  });
}

errc add(configuration& now, const configuration_step& step) {
  if (now.removed.contains(step.id))
    return errc::member_not_found;
  if (now.members.contains(step.id))
    return errc::member_exists;
  if (url_is_taken(now, step))
    return errc::peer_url_exists;
  now.members[step.id] = {
    .is_learner = step.kind == what::add_learner, .peer_urls = step.peer_urls, .name = step.name};
  return errc::none;
}

errc promote(configuration_step step, configuration& now, const change_conditions& conditions) {
  auto found = now.members.find(step.id);
  if (found == now.members.end())
    return errc::member_not_found;
  if (!found->second.is_learner)
    return errc::member_not_learner;
  auto health = conditions.health.find(step.id);
  if (health == conditions.health.end()
      || health->second.match.value * 10 < conditions.last.value * 9)
    return errc::learner_not_ready;
  found->second.is_learner = false;
  return errc::none;
}

errc apply(const configuration_step& step, configuration& now,
           const change_conditions& conditions) {
  auto found = now.members.find(step.id);
  switch (step.kind) {
  case what::add_voter:
  case what::add_learner:
    return add(now, step);
  case what::promote:
    return promote(step, now, conditions);
  case what::remove:
    if (found == now.members.end())
      return errc::member_not_found;
    now.members.erase(found);
    now.removed.insert(step.id);
    return errc::none;
  case what::update_urls:
    if (found == now.members.end())
      return errc::member_not_found;
    if (url_is_taken(now, step))
      return errc::peer_url_exists;
    found->second.peer_urls = step.peer_urls;
    return errc::none;
  }
  return errc::malformed_message;
}

/// How many voters of the next configuration can be counted on.
struct head_count {
  std::size_t voters = 0;
  std::size_t started = 0;
  std::size_t active = 0;
};

head_count count(const std::set<member_id>& voters, const std::set<member_id>& before,
                 const change_conditions& conditions) {
  head_count result{.voters = voters.size()};
  for (auto id : voters) {
    const auto found = conditions.health.find(id);
    const auto health = found == conditions.health.end() ? member_health{} : found->second;
    // A learner that is promoted runs: it holds most of the log.
    const bool promoted = !before.contains(id) && health.match > log_index{};
    result.started += health.started || promoted;
    result.active += health.active || promoted;
  }
  return result;
}

/// As etcd's strict-reconfig-check, except that a voter which is added counts as coming up: one of
/// three may be down when its replacement is added (checklist 34).
errc judge_health(const std::set<member_id>& before, const std::set<member_id>& after,
                  const change_conditions& conditions) {
  if (before == after)
    return errc::none;
  const bool grows = std::ranges::includes(after, before);
  // The way from one to two is the only one to a cluster at all.
  if (grows && before.size() == 1 && after.size() == 2)
    return errc::none;
  const auto heads = count(after, before, conditions);
  const auto quorum = majority_of(heads.voters);
  if (heads.started < quorum)
    return errc::not_enough_started_members;
  // Who is silent takes no part in the quorum: without it there are no fewer to count on.
  const bool drops_only_the_silent = std::ranges::all_of(before, [&](member_id id) {
    const auto found = conditions.health.find(id);
    return after.contains(id) || found == conditions.health.end() || !found->second.active;
  });
  if (!grows && drops_only_the_silent)
    return errc::none;
  // A new voter is on its way up; more than one at a time is not counted on.
  std::size_t coming = 0;
  for (auto id : after)
    if (!before.contains(id) && !conditions.health.contains(id))
      coming = 1;
  return heads.active + coming < quorum ? errc::unhealthy : errc::none;
}

std::size_t votes_that_change(const std::set<member_id>& before, const std::set<member_id>& after) {
  std::vector<member_id> changed;
  std::ranges::set_symmetric_difference(before, after, std::back_inserter(changed));
  return changed.size();
}

} // namespace

std::variant<configuration, errc> judge_change(const configuration& now,
                                               const configuration_change& change,
                                               const change_conditions& conditions) {
  auto next = now;
  for (const auto& step : change.steps)
    if (auto refusal = apply(step, next, conditions); refusal != errc::none)
      return refusal;
  if (next.learners().size() > std::max(now.learners().size(), conditions.max_learners))
    return errc::too_many_learners;
  const auto before = now.voters();
  const auto after = next.voters();
  if (after.empty())
    return errc::not_enough_started_members;
  if (conditions.strict)
    if (auto refusal = judge_health(before, after, conditions); refusal != errc::none)
      return refusal;
  if (votes_that_change(before, after) > 1)
    for (auto id : before)
      next.outgoing[id] = now.members.at(id);
  return next;
}

configuration leave_joint(configuration now) {
  now.outgoing.clear();
  return now;
}

} // namespace troupe::raft
