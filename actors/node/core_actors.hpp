#pragma once

#include "actors/apply/applier.hpp"
#include "actors/gateway/gateway_actor.hpp"
#include "actors/lease/lease_manager.hpp"
#include "actors/node/node_config.hpp"
#include "actors/node/opened_data.hpp"
#include "actors/node/supervisor.hpp"
#include "actors/node/ticker.hpp"
#include "actors/raft/member.hpp"
#include "actors/read/reader.hpp"
#include "actors/recipe/recipe_service.hpp"
#include "actors/service/http_pages.hpp"
#include "actors/service/service_actor.hpp"
#include "actors/storage/storage_actor.hpp"
#include "actors/watch/handles.hpp"
#include "actors/watch/watch_service.hpp"

#include <caf/actor_system.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace troupe {

/// Who needs to hear that time passes, and how often.
struct tick_plan {
  std::vector<tick_sink> sinks;
  std::chrono::milliseconds interval;
};

/// Every actor of a node's core system, each knowing those it talks to.
struct core_actors {
  apply::store_keeper_actor keeper;
  apply::applier_actor applier;
  std::vector<read::reader_actor> readers;
  raft::member_actor member;
  storage::storage_actor storage;
  watch::history_actor history;
  watch::hub_actor hub;
  watch::watch_service_actor watches;
  lease::lease_manager_actor leases;
  recipe::recipe_actor recipes;
  service::service_actor service;
  service::http_pages_actor pages;
  /// None if the node serves no JSON.
  gateway::gateway_actor gateway;
  supervisor_actor supervisor;
  /// Nothing with a deadline happens before somebody follows them: `start_ticking`, or a simulation
  /// by its own clocks.
  std::vector<tick_plan> ticks;
  std::vector<ticker_actor> tickers;

  void start_ticking(caf::actor_system& system);

  /// Whoever answers learns which edge has this number.
  void introduce(const service::edge_joined& edge) const;

  /// All of them, in an order in which they can end.
  std::vector<caf::strong_actor_ptr> all() const;

  /// Ends them all and returns when none runs any more. The supervisor has been told to stand down.
  void end(caf::actor_system& system) const;
};

/// Where a test may put actors of its own between those of a core; null: nothing is between them.
struct core_seams {
  /// Whom member is told of. Everything else runs by then.
  std::function<void(const core_actors&, raft::handles&)> around_member;
  /// Whom the service is told of; member runs by then.
  std::function<void(const core_actors&, service::service_peers&)> around_service;
};

/// What a core is given beside its configuration and its data.
struct core_surroundings {
  std::shared_ptr<const clock> time;
  std::shared_ptr<metrics::node_metrics> metrics;
  /// Joins this member to the others, once; called before it starts. @returns whoever keeps the
  /// links. Absent: there are no others, or none yet.
  std::function<raft::peer_manager_handle(const raft::member_actor&)> join;
  /// The ways to the other members, where nobody keeps links to them.
  std::map<member_id, raft::peer_handle> peers;
  core_seams seams;
};

/// Starts the core of a node on what it found on its disk. `data` outlives the actors.
core_actors spawn_core(caf::actor_system& system, const node_config& config, opened_data& data,
                       core_surroundings around);

} // namespace troupe
