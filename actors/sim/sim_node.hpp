#pragma once

#include "actors/node/core_actors.hpp"
#include "actors/node/opened_data.hpp"
#include "actors/sim/bug_seams.hpp"
#include "actors/sim/fault_script.hpp"
#include "actors/sim/node_clock.hpp"
#include "actors/sim/simulated_disk.hpp"
#include "actors/sim/stage.hpp"
#include "storage/memory_engine.hpp"

#include <memory>
#include <optional>
#include <string>

namespace troupe::sim {

/// What a role knows at this moment.
struct role_view {
  const raft::replica* state = nullptr;
  raft_role role = raft_role::follower;
  caf::actor_id actor = 0;
};

/// One member of a simulated cluster: its machine, which stays, and the core that runs on it from
/// start to crash. Everything of the core is the product's own but the file system, the store's
/// engine and the clock.
class sim_node {
public:
  sim_node(stage& on, node_number number, node_config config, std::uint64_t seed, planted_bug bug);

  /// What a core needs to reach the world.
  struct doors {
    std::map<member_id, raft::peer_handle> peers;
    service::edge_face edge;
  };

  /// Starts the core. @throws storage_error, invariant_error.
  /// @param open called within the node, before anything else of it runs.
  void start(const std::function<doors()>& open);

  /// The core ends; nothing of it runs when this returns. @param options absent: the machine goes
  /// on. @param lost flush points of the store before the last that it goes back to, if it has
  /// them.
  void crash(const std::optional<crash_options>& options, std::size_t lost);

  bool is_up() const {
    return core_.has_value();
  }

  /// Counts the starts.
  std::uint64_t life() const {
    return life_;
  }

  node_number number() const {
    return number_;
  }

  member_id id() const {
    return id_;
  }

  /// Why the core has ended by itself; empty if it has not.
  const std::string& failure() const {
    return failure_;
  }

  /// Null while there is no role; only between two steps, and only while it is up.
  role_view role() const;

  core_actors& core() {
    return *core_;
  }

  const opened_data& data() const {
    return data_;
  }

  /// What its last start found.
  const raft::recovered_state& found() const {
    return found_;
  }

  /// A hash of everything that has to be equal where the same entries are applied.
  std::uint64_t state_digest() const;

  /// The store makes a flush point by itself.
  void flush_silently();

  simulated_disk disk;
  node_clock clock;
  /// The disk's next write waits until then.
  sim_time disk_ready{0};
  /// Its applier does not run before.
  sim_time applier_ready{0};
  /// A fault was planned by which the core may end by itself.
  bool may_fail = false;

private:
  std::unique_ptr<storage::engine> open_engine(const std::string& directory);

  stage& stage_;
  const node_number number_;
  node_config config_;
  planted_bug bug_;
  member_id id_;
  storage::memory_disk store_disk_;
  std::shared_ptr<const troupe::clock> shared_clock_;
  opened_data data_;
  raft::recovered_state found_;
  crashable_engine* engine_ = nullptr;
  std::optional<core_actors> core_;
  service::edge_face edge_;
  std::map<member_id, raft::peer_handle> peers_;
  std::uint64_t life_ = 0;
  std::string failure_;
};

} // namespace troupe::sim
