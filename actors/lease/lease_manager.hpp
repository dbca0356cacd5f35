#pragma once

#include "actors/lease/handles.hpp"
#include "actors/lease/lease_calls.hpp"
#include "actors/lease/lease_core.hpp"
#include "actors/service/answer_router.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"
#include "storage/mvcc/store.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::lease {

/// To itself: leases have expired that may be proposed now.
struct expiries_due {};

/// Says when leases end, renews them, and answers what clients ask about them beside the log. Which
/// leases there are it hears from the applier; their ends it proposes to the log.
using lease_manager_actor = caf::typed_actor<
  // From the service: calls of the methods that the table of calls gives to leases.
  caf::reacts_to<call_batch>,
  // From the applier (lease/handles.hpp).
  caf::reacts_to<lease_changes>, caf::reacts_to<propose_refused>, caf::reacts_to<raft_status>,
  // Looks after expiry and deadlines; ten times a second or so.
  caf::reacts_to<tick>,
  // Introduces an edge.
  caf::reacts_to<service::edge_joined>, caf::reacts_to<expiries_due>>;

struct manager_peers {
  caf::typed_actor<caf::reacts_to<propose>> member;
  /// Adds the keys of leases to answers.
  caf::typed_actor<caf::reacts_to<read_batch>> reader;
};

struct lease_manager_host {
  /// @param core knows the leases of the store as it was opened.
  /// @param store tells the current revision, and nothing that takes time; outlives the actor.
  lease_manager_host(lease_core core, lease_identity identity, call_limits limits,
                     manager_peers peers, const mvcc::store& store,
                     std::shared_ptr<const clock> time);

  lease_manager_host(const lease_manager_host&) = delete;
  lease_manager_host& operator=(const lease_manager_host&) = delete;

  void on(const call_batch& batch);
  void on(const lease_changes& news);
  void on(const raft_status& status);
  void on_tick();
  void on_expiries_due();

  lease_core core;
  lease_calls calls;
  manager_peers peers;
  const mvcc::store& store;
  std::shared_ptr<const clock> time;
  service::answer_router edges;
  raft_status raft;
  log_index applied;
  /// Leases have expired that may be proposed only then.
  std::optional<time_point> due;
  /// An `expiries_due` is on its way.
  bool timer_runs = false;

private:
  std::int64_t revision() const;
  /// Lets those who waited hear of what was decided, and sends everything on its way.
  void finish(lease_output&& decided, call_output&& out, time_point now);
};

struct lease_manager_state {
  lease_manager_state() = default;

  static inline const char* name = "lease_manager";

  std::shared_ptr<lease_manager_host> host;
};

lease_manager_actor::behavior_type
lease_manager_behavior(lease_manager_actor::stateful_pointer<lease_manager_state> self,
                       const std::shared_ptr<lease_manager_host>& host);

} // namespace troupe::lease

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lease::expiries_due)
