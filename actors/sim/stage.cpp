#include "actors/sim/stage.hpp"

#include "messages/ensure.hpp"
#include "messages/type_ids.hpp"

#include <algorithm>
#include <caf/actor_registry.hpp>
#include <caf/atom.hpp>
#include <utility>

namespace troupe::sim {

namespace {

/// What a step takes: between two of them other things happen.
constexpr sim_time step_span = std::chrono::microseconds{2};

} // namespace

stage_config::stage_config() {
  set("scheduler.policy", caf::atom("testing"));
  set("logger.verbosity", caf::atom("quiet"));
  register_messages(*this);
}

stage::stage(std::uint64_t seed)
    : system_(config_),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())),
      random_(seed), start_(scheduler_.clock().current_time) {}

stage::~stage() {
  events_.clear();
  for (const auto& held : std::exchange(held_, {}))
    scheduler_.jobs.push_back(held.job);
  while (scheduler_.try_run_once()) {
  }
  scheduler_.clock().cancel_all();
}

node_number stage::owner(caf::resumable* job, const caf::scheduled_actor* actor) {
  if (actor)
    return actor->id() < owners_.size() ? owners_[actor->id()] : 0;
  auto found = trains_.find(job);
  return found == trains_.end() ? 0 : found->second;
}

void stage::note_owner(node_number node) {
  owners_.resize(std::max<std::size_t>(owners_.size(), system_.latest_actor_id() + 1), node);
}

void stage::run_job(std::size_t which, node_number node, caf::actor_id id) {
  auto& jobs = scheduler_.jobs;
  std::swap(jobs.front(), jobs[which]);
  trains_.erase(jobs.front());
  waited_ = nullptr;
  const auto waiting = jobs.size() - 1;
  scheduler_.try_run_once();
  ++steps_;
  note_owner(node);
  for (auto i = std::min(waiting, jobs.size()); i < jobs.size(); ++i)
    if (jobs[i]->subtype() == caf::resumable::unspecified)
      trains_[jobs[i]] = node;
  if (after_step)
    after_step(node, id);
}

void stage::hold(std::size_t which, node_number node, std::uint64_t ticket) {
  auto& jobs = scheduler_.jobs;
  held_.push_back({jobs[which], node, ticket});
  std::swap(jobs[which], jobs.back());
  jobs.pop_back();
}

void stage::release(std::uint64_t ticket) {
  auto found = std::ranges::find(held_, ticket, &held_job::ticket);
  if (found == held_.end())
    return;
  waited_ = found->job;
  scheduler_.jobs.push_back(found->job);
  held_.erase(found);
}

bool stage::step() {
  auto& jobs = scheduler_.jobs;
  while (!jobs.empty()) {
    auto which = waited_ ? jobs.size() - 1 : random_() % jobs.size();
    auto* job = jobs[which];
    auto* actor = dynamic_cast<caf::scheduled_actor*>(job);
    auto node = owner(job, actor);
    if (paused_.contains(node)) {
      waited_ = nullptr;
      hold(which, node, 0);
      continue;
    }
    auto wait = actor && delay_step && waited_ != job ? delay_step(node, *actor) : sim_time{0};
    if (wait > sim_time{0}) {
      hold(which, node, ++last_ticket_);
      after(wait, [this, ticket = last_ticket_] { release(ticket); });
      continue;
    }
    run_job(which, node, actor ? actor->id() : 0);
    return true;
  }
  return false;
}

void stage::pause(node_number node) {
  paused_.insert(node);
}

void stage::resume(node_number node) {
  paused_.erase(node);
  auto rest = std::stable_partition(
    held_.begin(), held_.end(), [=](const held_job& x) { return x.node != node || x.ticket != 0; });
  for (auto x = rest; x != held_.end(); ++x)
    scheduler_.jobs.push_back(x->job);
  held_.erase(rest, held_.end());
}

void stage::let_time_pass() {
  auto& clock = scheduler_.clock();
  clock.current_time = start_ + now_;
  const auto& timers = clock.schedule();
  if (!timers.empty() && timers.begin()->first <= clock.current_time)
    clock.advance_time(caf::detail::test_actor_clock::duration_type{0});
  // One at a time: whom a release lets go takes its step at once.
  while (!waited_ && events_.run_one(now_)) {
  }
}

sim_time stage::next_moment(sim_time end) {
  auto next = std::min(end, events_.next().value_or(end));
  const auto& timers = scheduler_.clock().schedule();
  if (!timers.empty())
    next = std::min(next, sim_time{timers.begin()->first - start_});
  return std::max(next, now_);
}

void stage::run_until(sim_time end, const std::function<bool()>& stop) {
  while (now_ < end && !stop()) {
    let_time_pass();
    if (step())
      now_ += step_span;
    else if (auto next = next_moment(end); next > now_)
      now_ = next;
    else
      let_time_pass();
  }
}

void stage::exhaust(node_number node) {
  paused_.erase(node);
  auto rest = std::stable_partition(held_.begin(), held_.end(),
                                    [=](const held_job& x) { return x.node != node; });
  for (auto x = rest; x != held_.end(); ++x)
    scheduler_.jobs.push_back(x->job);
  held_.erase(rest, held_.end());
  waited_ = nullptr;
  auto& jobs = scheduler_.jobs;
  for (std::size_t i = 0; i < jobs.size();) {
    auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs[i]);
    if (owner(jobs[i], actor) != node) {
      ++i;
      continue;
    }
    run_job(i, node, actor ? actor->id() : 0);
    i = 0;
  }
}

} // namespace troupe::sim
