#pragma once

#include "actors/sim/cluster.hpp"
#include "actors/sim/history.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::sim {

struct client_plan {
  unsigned clients = 5;
  unsigned keys = 5;
  /// Pause between two calls of one client, on the average.
  sim_time think = std::chrono::milliseconds{30};
  /// How long a client waits for an answer.
  sim_time patience = std::chrono::milliseconds{1500};
  bool leases = true;
  bool compactions = true;
};

/// Clients of a cluster, each with one call under way at most. They enter where the calls of real
/// ones leave the connection, and record what they saw.
class clients final : public cluster_users {
public:
  clients(cluster& of, const client_plan& plan, std::uint64_t seed);

  void begin();

  /// No call begins any more.
  void end() {
    ending_ = true;
  }

  /// Nobody waits for an answer.
  bool is_quiet() const;

  /// What they saw; what nobody can tell any more is open.
  history recorded() const;

  struct counts {
    std::uint64_t writes = 0;
    std::uint64_t reads = 0;
    std::uint64_t unknown = 0;
    /// Certainly not executed.
    std::uint64_t refused = 0;
  };

  const counts& seen() const {
    return seen_;
  }

  /// The newest revision in any answer.
  std::int64_t revision() const {
    return revision_;
  }

  /// One put from outside the plan, to the node that leads: `done` hears whether it was
  /// acknowledged.
  void put_once(node_number to, std::function<void(bool)> done);

  void answered(node_number from, const rpc_answers& answers) override;
  void started(node_number) override {}
  void ended(node_number node) override;
  void applied(node_number) override {}

private:
  struct client {
    unsigned number = 0;
    /// Whose last call nobody can tell about goes on under another name.
    unsigned life = 0;
    std::int32_t stream = 0;
    bool waits = false;
    node_number node = 0;
    /// One of the two is under way; neither: a compaction.
    std::optional<operation> call;
    std::optional<lease_operation> lease_call;
    lease_id lease;
    std::function<void(bool)> done;
  };

  bool chance(unsigned percent) {
    return random_() % 100 < percent;
  }

  std::uint64_t below(std::uint64_t n) {
    return random_() % n;
  }

  client& at(std::uint64_t connection) {
    return clients_.at(connection - 1);
  }

  std::string name_of(const client& who) const;
  node_number pick_node();
  std::string key();
  void think(client& who);
  void act(client& who);
  kv_call random_call(client& who);
  kv_call random_txn(client& who);
  kv_request put_of(client& who, std::string to);
  bool act_on_lease(client& who);
  void call(client& who, operation what);
  void call(client& who, lease_operation what, rpc_method method, std::string body);
  void send(client& who, rpc_method method, std::string body);
  void finish(client& who, const rpc_answer& answer);
  void finish_lease(client& who, const rpc_answer& answer);
  /// The call is over: what became of it is not known, or known not to have been.
  void give_up(client& who, bool unknown);
  void rest(client& who, bool success);

  cluster& cluster_;
  client_plan plan_;
  std::mt19937_64 random_;
  std::vector<client> clients_;
  history history_;
  counts seen_;
  std::int64_t revision_ = 1;
  std::uint64_t last_value_ = 0;
  std::int64_t last_lease_ = 0;
  bool ending_ = false;
};

} // namespace troupe::sim
