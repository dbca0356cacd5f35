#include "actors/sim/sim_node.hpp"

#include "actors/metrics/node_metrics.hpp"
#include "actors/node/identity.hpp"
#include "actors/node/seed.hpp"
#include "actors/raft/candidate.hpp"
#include "actors/raft/follower.hpp"
#include "actors/raft/leader.hpp"
#include "actors/raft/learner.hpp"
#include "actors/raft/pre_candidate.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <functional>
#include <string_view>
#include <utility>

namespace troupe::sim {

namespace {

/// Fills `view` if the actor plays this role.
template <class State>
bool look(caf::abstract_actor* actor, raft_role role, role_view& view) {
  auto* playing = dynamic_cast<raft::role_actor::stateful_base<State>*>(actor);
  if (!playing || playing->getf(caf::abstract_actor::is_terminated_flag) || playing->state.ended
      || !playing->state.core)
    return false;
  view = {&playing->state.core->state(), role, playing->id()};
  return true;
}

class digest {
public:
  void add(std::string_view bytes) {
    value_ = (value_ ^ std::hash<std::string_view>{}(bytes)) * 0x9e3779b97f4a7c15 + bytes.size();
  }

  std::uint64_t value() const {
    return value_;
  }

private:
  std::uint64_t value_ = 0;
};

} // namespace

sim_node::sim_node(stage& on, node_number number, node_config config, std::uint64_t seed,
                   planted_bug bug)
    : disk(seed), clock(on.now(), std::chrono::seconds{1000 * number}), stage_(on), number_(number),
      config_(std::move(config)), bug_(bug),
      id_(derive_member_id(config_.advertise_peer_urls, config_.cluster_token)),
      shared_clock_(std::shared_ptr<const node_clock>{}, &clock) {
  plant(bug_, disk);
}

std::unique_ptr<storage::engine> sim_node::open_engine(const std::string& directory) {
  auto engine =
    sim::open_engine(store_disk_, directory, bug_, seed_of_boot(config_.random_seed, id_, {life_}));
  engine_ = engine.get();
  return engine;
}

void sim_node::start(const std::function<doors()>& open) {
  failure_.clear();
  ++life_;
  auto note_failure = [this](const std::string& reason) { failure_ = reason; };
  config_.on_fatal = note_failure;
  data_ = open_data(
    config_, disk,
    [this](const std::string& directory, const storage::engine_listener&) {
      return open_engine(directory);
    },
    note_failure);
  plant(bug_, data_);
  found_ = {.hard = data_.hard,
            .before_first = data_.before_first,
            .entries = data_.entries,
            .applied = data_.store->applied()};
  stage_.spawn_for(number_, [&] {
    auto [peers, edge] = open();
    peers_ = std::move(peers);
    edge_ = std::move(edge);
    auto metrics = std::make_shared<metrics::node_metrics>(
      metrics::metrics_identity{id_, "3.6", "3.6", 0}, metrics::metrics_detail::basic);
    core_ = spawn_core(
      stage_.system(), config_, data_,
      {.time = shared_clock_,
       .metrics = std::move(metrics),
       .peers = peers_,
       .seams = seams_of(bug_, stage_.system(), seed_of_boot(config_.random_seed, id_, {life_}))});
    core_->introduce({0, edge_});
    return 0;
  });
}

void sim_node::crash(const std::optional<crash_options>& options, std::size_t lost) {
  disk.freeze();
  if (core_) {
    caf::anon_send_exit(core_->supervisor, caf::exit_reason::kill);
    stage_.exhaust(number_);
    for (const auto& actor : core_->all())
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    for (const auto& [id, peer] : peers_)
      caf::anon_send_exit(peer, caf::exit_reason::kill);
    caf::anon_send_exit(edge_, caf::exit_reason::kill);
    stage_.exhaust(number_);
    core_.reset();
  }
  peers_.clear();
  edge_ = service::edge_face{};
  if (engine_)
    engine_->crash(lost);
  engine_ = nullptr;
  data_.store.reset();
  data_ = {};
  if (options)
    disk.crash(*options);
  else
    disk.thaw();
}

role_view sim_node::role() const {
  role_view view;
  auto* member = dynamic_cast<raft::member_actor::stateful_base<raft::member_state>*>(
    caf::actor_cast<caf::abstract_actor*>(core_->member));
  if (!member || member->getf(caf::abstract_actor::is_terminated_flag) || !member->state.role)
    return view;
  auto* actor = caf::actor_cast<caf::abstract_actor*>(member->state.role);
  look<raft::follower_state>(actor, raft_role::follower, view)
    || look<raft::leader_state>(actor, raft_role::leader, view)
    || look<raft::pre_candidate_state>(actor, raft_role::pre_candidate, view)
    || look<raft::candidate_state>(actor, raft_role::candidate, view)
    || look<raft::learner_state>(actor, raft_role::learner, view);
  return view;
}

std::uint64_t sim_node::state_digest() const {
  using storage::family;
  digest result;
  auto show = [&](std::string_view key, std::string_view value) {
    result.add(key);
    result.add(value);
    return true;
  };
  const auto& view = data_.engine->latest();
  for (auto where : {family::lease, family::auth, family::member, family::meta, family::v2})
    view.visit(where, {}, std::nullopt, show);
  view.visit_versions({}, std::nullopt, data_.store->revision(), show);
  return result.value();
}

void sim_node::flush_silently() {
  if (engine_)
    engine_->flush_silently();
}

} // namespace troupe::sim
