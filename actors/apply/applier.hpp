#pragma once

#include "actors/apply/apply_core.hpp"
#include "actors/apply/store_keeper.hpp"
#include "actors/lease/handles.hpp"
#include "actors/service/answer_router.hpp"
#include "actors/watch/publish.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <deque>
#include <memory>
#include <vector>

namespace troupe::apply {

using applied_sink = caf::typed_actor<caf::reacts_to<applied>>;
using publish_sink = caf::typed_actor<caf::reacts_to<watch::publish>>;
using compaction_sink = caf::typed_actor<caf::reacts_to<propose>>;

/// Introduces who wants to know how far the state has come.
struct follow_applied {
  applied_sink listener;
};

/// Introduces member, to whom compactions are proposed.
struct propose_to {
  compaction_sink member;
};

/// Introduces who is told of every change from now on, and at once of the state there is.
struct watched_by {
  publish_sink hub;
  /// The last entry of the log at the start; changes up to it are no news (see
  /// service::catch_up).
  entry_id ready;
};

/// Introduces the lease manager: it hears of every change of leases from now on, and at once how
/// far the state has come.
struct leases_managed_by {
  lease::manager_face manager;
};

/// To itself: everything that was committed at this moment has been collected.
struct apply_collected {};

/// The apply loop: the only writer of the store, and the only one who answers writes. Writing
/// blocks on the disk: outside of simulation it has a thread of its own.
using applier_actor = caf::typed_actor<
  // From the present role: committed, in the own durable log, each entry once and in order.
  caf::reacts_to<committed>,
  // From the present role: refused before the log, so not executed.
  caf::reacts_to<propose_refused>,
  // From the service: who waits for which proposal.
  caf::reacts_to<await_applied>,
  // From member: leadership changed.
  caf::reacts_to<raft_status>,
  // Looks after deadlines and flushes.
  caf::reacts_to<tick>, caf::reacts_to<follow_applied>, caf::reacts_to<propose_to>,
  caf::reacts_to<watched_by>, caf::reacts_to<leases_managed_by>,
  caf::reacts_to<service::edge_joined>, caf::reacts_to<apply_collected>>;

struct applier_host {
  /// @param core its store outlives the actor; nobody else writes to it.
  applier_host(apply_core core, store_keeper_actor keeper, std::shared_ptr<const clock> time);

  /// Applies the first of what was collected: one write of the store, as a rule, however many
  /// batches it came in.
  void apply();
  void carry_out(apply_output&& out);
  /// Tells the hub, if there is one, what has changed since it was told last.
  void publish(std::vector<mvcc::event>&& events);
  void log_alarms();
  /// Tells the lease manager, if there is one, what concerns it.
  void tell_leases(lease_changes&& news);
  void tell_leases(const propose_refused& refused) const;
  void tell_leases(const raft_status& status);
  /// Tells the listeners if the state or what a crash keeps of it has moved.
  void report();

  apply_core core;
  store_keeper_actor keeper;
  std::shared_ptr<const clock> time;
  service::answer_router edges;
  std::vector<applied_sink> listeners;
  compaction_sink member;
  publish_sink hub;
  entry_id ready;
  /// The hub was told something at least.
  bool hub_knows = false;
  watched_state published;
  lease::manager_face leases;
  /// What it has heard: the term of the last applied entry, and who leads.
  term_t leases_told_term;
  raft_status leases_told_status;
  applied reported;
  /// Committed and not applied; consecutive.
  std::deque<entry> collected;
};

struct applier_state {
  applier_state() = default;

  static inline const char* name = "applier";

  std::shared_ptr<applier_host> host;
};

applier_actor::behavior_type applier_behavior(applier_actor::stateful_pointer<applier_state> self,
                                              const std::shared_ptr<applier_host>& host);

} // namespace troupe::apply

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::follow_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::propose_to)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::watched_by)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::leases_managed_by)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::apply::apply_collected)
