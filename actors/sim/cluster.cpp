#include "actors/sim/cluster.hpp"

#include "messages/ensure.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <fmt/format.h>
#include <type_traits>
#include <utility>
#include <variant>

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;

std::string name_of(node_number number) {
  return "n" + std::to_string(number);
}

node_config config_of(const cluster_config& config, node_number number) {
  auto urls = [](node_number of) {
    return std::vector<std::string>{"http://" + name_of(of) + ":2380"};
  };
  node_config result;
  result.name = name_of(number);
  result.data_dir = "/sim/" + name_of(number);
  result.advertise_client_urls = {"http://" + name_of(number) + ":2379"};
  result.advertise_peer_urls = urls(number);
  for (node_number each = 1; each <= config.nodes; ++each)
    result.initial_cluster.push_back({name_of(each), urls(each)});
  result.heartbeat_interval_ms = config.heartbeat_interval_ms;
  result.election_timeout_ms = config.election_timeout_ms;
  result.json_gateway = false;
  result.watch_progress_notify_interval = 400ms;
  result.log_segment_bytes = std::uint64_t{16} << 20;
  result.log_fill_bytes = std::uint64_t{64} << 10;
  result.threads = {.detach_storage = false,
                    .detach_applier = false,
                    .detach_member = false,
                    .detach_roles = false,
                    .detach_history = false,
                    .detach_gateway = false,
                    .point_readers = 0,
                    .list_readers = 0};
  result.random_seed = config.seed * 0x9e3779b97f4a7c15 + 1;
  return result;
}

template <class... Messages>
raft::peer_handle::behavior_type pass_on(const std::function<void(raft::peer_message)>& send,
                                         const std::variant<Messages...>*) {
  return {[=](const Messages& x) { send(x); }...};
}

raft::peer_handle::behavior_type peer_door(raft::peer_handle::pointer,
                                           const std::function<void(raft::peer_message)>& send) {
  return pass_on(send, static_cast<const raft::peer_message*>(nullptr));
}

using edge_actor = service::edge_face;

edge_actor::behavior_type edge_door(edge_actor::pointer,
                                    const std::function<void(const rpc_answers&)>& answer) {
  return {[=](const rpc_answers& answers) { answer(answers); }};
}

template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};

bool must_come_once(const raft::peer_message& message) {
  return std::visit(
    [](const auto& x) { return std::is_same_v<std::decay_t<decltype(x)>, forward_propose>; },
    message);
}

std::string show(entry_id id) {
  return fmt::format("{}/{}", id.term.value, id.index.value);
}

} // namespace

std::string describe(const raft::peer_message& message) {
  return std::visit(
    overloaded{
      [](const request_vote& x) {
        return fmt::format("{} term={} last={}", x.pre ? "pre_vote" : "request_vote", x.term.value,
                           show(x.last));
      },
      [](const request_vote_reply& x) {
        return fmt::format("{} term={} granted={}", x.pre ? "pre_vote_reply" : "vote", x.term.value,
                           x.granted);
      },
      [](const append& x) {
        return fmt::format("append term={} prev={} entries={} commit={} round={}", x.term.value,
                           show(x.prev), x.entries.size(), x.commit.value, x.read_round);
      },
      [](const append_reply& x) {
        return fmt::format("append_reply term={} success={} match={} round={}", x.term.value,
                           x.success, x.match.value, x.read_round);
      },
      [](const timeout_now& x) { return fmt::format("timeout_now term={}", x.term.value); },
      [](const forward_propose& x) {
        return fmt::format("forward_propose boot={} proposals={}", x.boot.value,
                           x.proposals.size());
      },
      [](const forward_refused& x) {
        return fmt::format("forward_refused boot={} proposals={}", x.boot.value, x.counters.size());
      },
      [](const forward_read& x) { return fmt::format("forward_read round={}", x.round); },
      [](const forward_read_reply& x) {
        return fmt::format("forward_read_reply round={} error={} index={}", x.round,
                           static_cast<int>(x.error), x.index.value);
      },
    },
    message);
}

cluster::cluster(const cluster_config& config, trace& log)
    : config_(config), trace_(log), random_(config.seed ^ 0x636c7573746572), stage_(config.seed),
      network_(config.seed ^ 0x6e6574776f726b) {
  stage_.delay_step = [this](node_number number, caf::scheduled_actor& actor) {
    return delay_of_write(number, actor);
  };
  stage_.after_step = [this](node_number number, caf::actor_id actor) {
    after_step(number, actor);
  };
  for (node_number number = 1; number <= config.nodes; ++number)
    nodes_.push_back(std::make_unique<sim_node>(stage_, number, config_of(config, number),
                                                config.seed * 31 + number, config.bug));
  for (node_number number = 1; number <= config.nodes; ++number)
    start(number);
}

cluster::~cluster() {
  users_.clear();
  for (auto& node : nodes_)
    node->crash(std::nullopt, 0);
}

void cluster::serve(std::vector<cluster_users*> users) {
  users_ = std::move(users);
  for (auto& node : nodes_)
    for (auto* each : users_)
      if (node->is_up())
        each->started(node->number());
}

template <class Check>
void cluster::guard(Check check) {
  if (!failure_.empty())
    return;
  try {
    check();
  } catch (const violation& what) {
    report(what.what());
  }
}

void cluster::report(const std::string& what) {
  if (!failure_.empty())
    return;
  failure_ = what;
  trace_.line(now(), "violated: " + what);
}

void cluster::start(node_number number) {
  auto& node = this->node(number);
  try {
    node.start([this, number] { return open_doors(number); });
  } catch (const storage::storage_error& error) {
    return report(fmt::format("{} does not start: {}", name_of(number), error.what()));
  } catch (const invariant_error& error) {
    return report(fmt::format("{} does not start: {}", name_of(number), error.what()));
  }
  const auto& found = node.found();
  trace_.line(now(),
              fmt::format("{} starts: life {} boot {} term {} last {} applied {}", name_of(number),
                          node.life(), found.hard.boot.value, found.hard.term.value,
                          show(node.data().log->last()), show(found.applied)));
  node.may_fail = false;
  seen_applied_[number] = found.applied;
  guard([&] { oracle_.started(node.id(), found); });
  for (std::size_t plan = 0; plan < node.core().ticks.size(); ++plan)
    tick_later(number, plan);
  for (auto* users : users_)
    users->started(number);
}

void cluster::tick_later(node_number number, std::size_t plan) {
  auto& node = this->node(number);
  auto span = node.clock.true_span(node.core().ticks[plan].interval);
  stage_.after(span, [this, number, plan, life = node.life()] {
    auto& node = this->node(number);
    if (!node.is_up() || node.life() != life)
      return;
    if (!stage_.is_paused(number))
      for (const auto& sink : node.core().ticks[plan].sinks)
        caf::anon_send(sink, tick{});
    tick_later(number, plan);
  });
}

sim_node::doors cluster::open_doors(node_number number) {
  sim_node::doors result;
  auto& system = stage_.system();
  for (const auto& other : nodes_) {
    if (other->number() == number)
      continue;
    std::function<void(raft::peer_message)> send = [this, number,
                                                    to = other->id()](raft::peer_message x) {
      this->send(number, to, std::move(x));
    };
    result.peers[other->id()] = system.spawn(peer_door, send);
  }
  std::function<void(const rpc_answers&)> answer =
    [this, number, life = node(number).life()](const rpc_answers& x) {
      answers_.push_back({number, life, x});
    };
  result.edge = system.spawn(edge_door, answer);
  return result;
}

node_number cluster::number_of(member_id id) const {
  auto found = std::ranges::find_if(nodes_, [=](const auto& x) { return x->id() == id; });
  return found == nodes_.end() ? 0 : (*found)->number();
}

void cluster::send(node_number from, member_id to, raft::peer_message message) {
  auto& node = this->node(from);
  if (!node.is_up())
    return; // its last words while it is killed
  plant(config_.bug, message);
  guard([&] { oracle_.sent(node.id(), *node.data().log, to, message); });
  auto number = number_of(to);
  auto arrivals = network_.send(from, number, now(), must_come_once(message));
  if (arrivals.empty()) {
    trace_.line(now(),
                fmt::format("{} -x {} {}", name_of(from), name_of(number), describe(message)));
    trace_.event({trace_event::type::lost, now(), now(), from, number, describe(message)});
  }
  auto shared = std::make_shared<const raft::peer_message>(std::move(message));
  for (auto when : arrivals)
    stage_.at(when,
              [this, from, number, sent = now(), shared] { deliver(from, number, sent, *shared); });
}

void cluster::deliver(node_number from, node_number to, sim_time sent,
                      const raft::peer_message& message) {
  auto& node = this->node(to);
  auto text = describe(message);
  trace_.line(now(), fmt::format("{} {} {} {}", name_of(from), node.is_up() ? "->" : "-|",
                                 name_of(to), text));
  trace_.event({node.is_up() ? trace_event::type::delivered : trace_event::type::lost, sent, now(),
                from, to, std::move(text)});
  if (node.is_up())
    std::visit([&](const auto& x) { caf::anon_send(node.core().member, x); }, message);
}

void cluster::call(node_number to, call_batch calls) {
  ensure(node(to).is_up(), "who is called runs");
  caf::anon_send(node(to).core().service, std::move(calls));
}

node_number cluster::leader() {
  node_number result = 0;
  term_t newest;
  for (auto& node : nodes_) {
    auto view = node->is_up() ? node->role() : role_view{};
    if (view.state && view.role == raft_role::leader && view.state->term() > newest) {
      newest = view.state->term();
      result = node->number();
    }
  }
  return result;
}

sim_time cluster::delay_of_write(node_number number, caf::scheduled_actor& actor) {
  if (number == 0 || !node(number).is_up())
    return sim_time{0};
  auto& core = node(number).core();
  auto ready = sim_time{0};
  if (actor.id() == core.storage.id()) {
    auto* next = actor.mailbox().peek();
    bool writes = next && next->content().match_elements<storage::write_collected>();
    if (!writes)
      return sim_time{0};
    // Most writes are fast, some are not.
    auto longest = random_() % 20 == 0 ? 20'000U : 400U;
    ready = now() + std::chrono::microseconds{50 + random_() % longest};
    ready = std::max(ready, node(number).disk_ready);
  } else if (actor.id() == core.applier.id()) {
    ready = node(number).applier_ready;
  }
  return std::max(ready - now(), sim_time{0});
}

void cluster::after_step(node_number number, caf::actor_id actor) {
  if (number == 0 || !failure_.empty() || !node(number).is_up())
    return;
  auto& node = this->node(number);
  look_at(node);
  if (actor != node.core().applier.id())
    return;
  auto applied = node.data().store->applied();
  if (applied == std::exchange(seen_applied_[number], applied))
    return;
  guard([&] {
    oracle_.applied(node.id(), *node.data().log, applied);
    compare_states(node, applied);
  });
  for (auto* users : users_)
    users->applied(number);
}

void cluster::look_at(sim_node& node) {
  auto view = node.role();
  if (!view.state)
    return;
  guard([&] { oracle_.stepped(node.id(), *view.state, view.role); });
  auto& shown = shown_roles_[node.number()];
  if (shown == view.role)
    return;
  shown = view.role;
  constexpr const char* names[] = {"follows", "asks around", "campaigns", "leads", "learns"};
  auto text = fmt::format("{} {} in term {}", name_of(node.number()),
                          names[static_cast<std::size_t>(view.role)], view.state->term().value);
  trace_.line(now(), text);
  trace_.event({trace_event::type::role, now(), now(), node.number(), 0, std::move(text)});
}

void cluster::compare_states(sim_node& node, entry_id applied) {
  // Reading all of the state costs much; every member that comes by an index of these reads it.
  if (applied.index.value % 8 != 0)
    return;
  auto digest = node.state_digest();
  auto [first, is_new] = digests_.try_emplace(applied.index, digest, node.number());
  if (!is_new && first->second.first != digest)
    throw violation{fmt::format("{} and {} hold different states after entry {}",
                                name_of(first->second.second), name_of(node.number()),
                                show(applied))};
}

void cluster::stop(node_number number, const std::optional<crash_options>& options,
                   std::size_t lost) {
  auto& node = this->node(number);
  if (!node.is_up())
    return;
  stage_.resume(number);
  node.crash(options, lost);
  shown_roles_.erase(number);
  for (auto* users : users_)
    users->ended(number);
}

void cluster::restart_after(node_number number, sim_time pause) {
  stage_.after(pause, [this, number] {
    if (!node(number).is_up() && failure_.empty())
      start(number);
  });
}

void cluster::plan(const fault& what) {
  stage_.at(what.at, [this, what] { inflict(what); });
}

bool cluster::run_until(sim_time end, const std::function<bool()>& stop) {
  auto finished = [&] {
    for (auto& each : std::exchange(answers_, {}))
      for (auto* users : users_)
        if (node(each.from).is_up() && node(each.from).life() == each.life)
          users->answered(each.from, each.answers);
    for (auto& node : nodes_) {
      if (node->failure().empty() || !node->is_up())
        continue;
      trace_.line(now(), fmt::format("{} ends: {}", name_of(node->number()), node->failure()));
      if (!node->may_fail)
        report(name_of(node->number()) + " ended by itself: " + node->failure());
      auto torn = torn_.extract(node->number());
      if (torn.empty())
        this->stop(node->number(), std::nullopt, 0);
      else
        power_cut(torn.mapped());
      restart_after(node->number(), torn.empty() ? 300ms : sim_time{torn.mapped().lasts});
    }
    return !failure_.empty() || stop();
  };
  stage_.run_until(end, finished);
  return failure_.empty();
}

} // namespace troupe::sim
