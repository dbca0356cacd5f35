#pragma once

#include "actors/sim/fault_script.hpp"
#include "actors/sim/raft_oracle.hpp"
#include "actors/sim/sim_node.hpp"
#include "actors/sim/stage.hpp"
#include "actors/sim/trace.hpp"
#include "messages/rpc.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace troupe::sim {

struct cluster_config {
  unsigned nodes = 3;
  /// Of everything that happens by chance.
  std::uint64_t seed = 1;
  planted_bug bug = planted_bug::none;
  std::uint32_t heartbeat_interval_ms = 50;
  std::uint32_t election_timeout_ms = 300;
};

/// Who lives on a cluster: simulated clients. Called between steps, never from within an actor.
class cluster_users {
public:
  virtual ~cluster_users() = default;

  /// The node answers calls that came in this life of it.
  virtual void answered(node_number from, const rpc_answers& answers) = 0;
  virtual void started(node_number node) = 0;
  virtual void ended(node_number node) = 0;
  /// Its state has moved.
  virtual void applied(node_number node) = 0;
};

/// Nodes on simulated machines, joined by a simulated network, in one actor system and one thread.
/// After every step the oracle judges; the first violation stops the run.
class cluster {
public:
  /// The members have founded their cluster and run.
  cluster(const cluster_config& config, trace& log);
  ~cluster();

  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// @param users outlive the runs; each hears at once of the nodes that run.
  void serve(std::vector<cluster_users*> users);

  /// The fault comes at its time.
  void plan(const fault& what);

  /// @returns whether nothing was violated.
  bool run_until(
    sim_time end, const std::function<bool()>& stop = [] { return false; });

  /// Everything that was broken works again: nodes start, links and clocks are as they should be.
  void heal();

  /// Why the run has stopped; empty while nothing is wrong.
  const std::string& failure() const {
    return failure_;
  }

  /// For users who find something wrong.
  void report(const std::string& what);

  unsigned size() const {
    return static_cast<unsigned>(nodes_.size());
  }

  sim_node& node(node_number number) {
    return *nodes_.at(number - 1);
  }

  /// A node that runs and leads, in the newest term of those; 0: none.
  node_number leader();

  /// Hands the calls to the service of a node that runs.
  void call(node_number to, call_batch calls);

  sim::stage& stage() {
    return stage_;
  }

  raft_oracle& oracle() {
    return oracle_;
  }

  trace& log() {
    return trace_;
  }

  sim_time now() const {
    return stage_.now();
  }

  /// The longest that a follower waits before it campaigns.
  sim_time election_timeout() const {
    return std::chrono::milliseconds{config_.election_timeout_ms};
  }

private:
  struct answered_calls {
    node_number from;
    std::uint64_t life;
    rpc_answers answers;
  };

  void start(node_number number);
  void stop(node_number number, const std::optional<crash_options>& options, std::size_t lost);
  void restart_after(node_number number, sim_time pause);
  void inflict(const fault& what);
  void strike_links(const fault& what);
  void power_cut(const fault& what);
  void for_links(const fault& what, const std::function<void(link_weather&)>& change);
  void flap(const fault& what, sim_time until);
  void tick_later(node_number number, std::size_t plan);
  sim_node::doors open_doors(node_number number);
  void send(node_number from, member_id to, raft::peer_message message);
  void deliver(node_number from, node_number to, sim_time sent, const raft::peer_message& message);
  void after_step(node_number number, caf::actor_id actor);
  void look_at(sim_node& node);
  void compare_states(sim_node& node, entry_id applied);
  sim_time delay_of_write(node_number number, caf::scheduled_actor& actor);
  node_number number_of(member_id id) const;

  /// Runs what may violate something.
  template <class Check>
  void guard(Check check);

  cluster_config config_;
  trace& trace_;
  std::mt19937_64 random_;
  sim::stage stage_;
  network network_;
  raft_oracle oracle_;
  std::vector<std::unique_ptr<sim_node>> nodes_;
  /// What was crashed in the middle of a write, and how.
  std::map<node_number, fault> torn_;
  std::map<node_number, raft_role> shown_roles_;
  std::map<node_number, entry_id> seen_applied_;
  /// By applied index: the digest of the state, and who had it first.
  std::map<log_index, std::pair<std::uint64_t, node_number>> digests_;
  std::vector<answered_calls> answers_;
  std::vector<cluster_users*> users_;
  std::string failure_;
};

/// One line for people: "append term=3 prev=3/7 entries=2 commit=6".
std::string describe(const raft::peer_message& message);

} // namespace troupe::sim
