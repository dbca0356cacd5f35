// The part of leader_core that deals with who the members are: changes of the configuration,
// handing over, links, and those who need a snapshot.
#include "actors/raft/core/config_change.hpp"
#include "actors/raft/core/leader_core.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace troupe::raft {

namespace {

constexpr log_index behind_everything{~std::uint64_t{0}};

} // namespace

// --- configurations

errc leader_core::change_membership(const proposal& change, const entry_origin& origin) {
  const auto wanted = change.kind == entry_kind::configuration
                        ? decode_configuration_change(change.payload)
                        : std::nullopt;
  if (!wanted)
    return errc::malformed_message;
  // One at a time, and none before an entry of our own term is committed: else two leaders could
  // decide by majorities that share nobody (checklist 27).
  const auto& now = state_.membership();
  if (now.what.is_joint() || now.at > state_.applied_index() || !has_committed_in_term())
    return errc::too_many_requests;
  const auto last = state_.log().last().index;
  change_conditions conditions{.health = {},
                               .last = last,
                               .max_learners = state_.config().max_learners,
                               .strict = state_.config().strict_reconfig_check};
  for (const auto& [id, member] : now.what.members) {
    const auto found = followers_.find(id);
    if (id == self_)
      conditions.health[id] = {.started = true, .active = true, .match = last};
    else if (found != followers_.end())
      conditions.health[id] = {.started = found->second.has_answered || !member.name.empty(),
                               .active = found->second.has_answered && was_heard(found->second),
                               .match = found->second.match_index};
  }
  auto judged = judge_change(now.what, *wanted, conditions);
  if (const auto* refusal = std::get_if<errc>(&judged))
    return *refusal;
  append_to_log(entry_kind::configuration, origin, encode(std::get<configuration>(judged)));
  // Who is new begins with the entry that names it.
  meet_followers(last + 1);
  return errc::none;
}

void leader_core::meet_followers(log_index next) {
  const auto& now = state_.membership().what;
  auto meet = [&](const auto& members) {
    for (const auto& [id, member] : members) {
      if (id == self_)
        continue;
      auto [follower, is_new] = followers_.try_emplace(id);
      follower->second.leaving = false;
      if (is_new) {
        follower->second.next_index = next;
        follower->second.heard_at = now_;
      }
    }
  };
  meet(now.members);
  meet(now.outgoing);
  for (auto& [id, follower] : followers_)
    if (!now.contains(id) && !std::exchange(follower.leaving, true))
      follower.leaves_at = now_ + std::uint64_t{2} * state_.config().election_timeout_ticks;
}

void leader_core::drop_who_left() {
  const auto since = state_.membership().at;
  std::erase_if(followers_, [&](const auto& each) {
    const auto& follower = each.second;
    const bool knows = follower.match_index >= since && follower.commit_sent >= since;
    return follower.leaving && (knows || now_ >= follower.leaves_at);
  });
}

void leader_core::leave_joint_if_ready(output& step) {
  const auto& now = state_.membership();
  if (!now.what.is_joint() || now.at > state_.applied_index() || !has_committed_in_term())
    return;
  append_to_log(entry_kind::configuration, {self_, state_.hard().boot, 0},
                encode(leave_joint(now.what)));
  meet_followers(state_.log().last().index);
  for (auto& [id, follower] : followers_)
    replicate_to(id, follower, step);
}

bool leader_core::is_dismissed() const {
  return state_.membership().at <= state_.commit_index() && !state_.is_voter();
}

output leader_core::dismiss(output step) {
  step = role_core::finish(std::move(step));
  // Whoever has most of the log need not wait for our silence (thesis 4.2.2).
  const std::pair<const member_id, progress>* heir = nullptr;
  for (const auto& each : followers_)
    if (state_.voters().contains(each.first)
        && (heir == nullptr || each.second.match_index > heir->second.match_index))
      heir = &each;
  if (heir != nullptr)
    step.to_send_now.push_back({heir->first, timeout_now{state_.term(), self_}});
  return end(std::move(step), false, false);
}

// --- transfer (thesis 3.10)

output leader_core::on(const transfer_leadership& request) {
  output step;
  auto refuse_it = [&](errc why) { step.transfers.push_back({request.request, why}); };
  const auto target = followers_.find(request.to);
  if (request.to == self_)
    refuse_it(errc::none);
  else if (target == followers_.end()
           || !std::ranges::binary_search(state_.voters().incoming, request.to))
    refuse_it(errc::bad_leader_transferee);
  else if (transfer_)
    refuse_it(errc::too_many_requests);
  else if (!was_heard(target->second))
    refuse_it(errc::unhealthy);
  else
    transfer_ = {.request = request.request, .to = request.to, .since = now_, .asked = false};
  hand_over_if_ready(step);
  return finish(std::move(step));
}

void leader_core::hand_over_if_ready(output& step) {
  if (!transfer_ || transfer_->asked)
    return;
  const auto target = followers_.find(transfer_->to);
  if (target == followers_.end() || target->second.match_index < state_.log().last().index)
    return;
  transfer_->asked = true;
  step.to_send_now.push_back({transfer_->to, timeout_now{state_.term(), self_}});
}

// --- links

output leader_core::on(const link_lost& link) {
  if (auto found = followers_.find(link.peer); found != followers_.end())
    found->second.on_link_lost();
  return finish({});
}

output leader_core::on(const link_found& link) {
  output step;
  if (auto found = followers_.find(link.peer); found != followers_.end()) {
    found->second.on_heartbeat();
    step.to_send_now.push_back({link.peer, append_for(found->second)});
  }
  return finish(std::move(step));
}

// --- snapshots (thesis 5)

output leader_core::on(const snapshot_result& result) {
  output step;
  auto found = followers_.find(result.to);
  if (found == followers_.end() || found->second.state != progress::mode::snapshot)
    return finish(std::move(step));
  auto& follower = found->second;
  if (result.installed && result.at.index <= state_.log().last().index) {
    follower.heard_at = now_;
    follower.on_snapshot_installed(result.at.index);
    replicate_to(result.to, follower, step);
  } else {
    follower.on_snapshot_failed(now_ + state_.config().election_timeout_ticks);
  }
  return finish(std::move(step));
}

bool leader_core::lacks_entries_for(const progress& follower) const {
  return follower.next_index <= state_.log().before_first().index;
}

void leader_core::want_snapshot_for(member_id id, progress& follower, output& step) {
  // Who is not there could not take it.
  if (follower.leaving || follower.state == progress::mode::snapshot || !follower.has_answered
      || !was_heard(follower) || now_ < follower.snapshot_not_before)
    return;
  follower.on_snapshot_wanted(state_.applied_index());
  step.snapshots.push_back({id, follower.match_index});
}

log_index leader_core::kept_behind() {
  auto result = behind_everything;
  for (auto& [id, follower] : followers_) {
    if (!follower.catching_up)
      continue;
    const bool in_transfer = follower.state == progress::mode::snapshot;
    follower.catching_up =
      in_transfer || (was_heard(follower) && follower.match_index < state_.commit_index());
    if (follower.catching_up)
      result = std::min(result, std::max(follower.kept_behind, follower.match_index));
  }
  return result;
}

} // namespace troupe::raft
