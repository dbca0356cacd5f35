#pragma once

#include "actors/metrics/meter.hpp"
#include "actors/service/answer_router.hpp"
#include "actors/service/service_core.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>

namespace troupe::service {

/// Where every call of a client arrives, whatever edge it came through; simulated clients enter
/// here too.
using service_actor = caf::typed_actor<
  // From an edge: what its clients did.
  caf::reacts_to<call_batch>,
  // From the leader role: reads of that round may run at that index.
  caf::reacts_to<read_index_reply>,
  // From the applier: the state has come this far.
  caf::reacts_to<applied>,
  // From member: leadership changed.
  caf::reacts_to<raft_status>,
  // Looks after deadlines.
  caf::reacts_to<tick>,
  // Introduces an edge.
  caf::reacts_to<edge_joined>>;

/// What the service needs of member.
using proposal_sink = caf::typed_actor<caf::reacts_to<propose>, caf::reacts_to<read_index_request>>;

/// What it needs of the applier, which hears of leadership through it.
using await_sink = caf::typed_actor<caf::reacts_to<await_applied>, caf::reacts_to<raft_status>>;

/// Another service that takes whole calls: every event of them, in order, in batches. It answers
/// the edges itself.
using delegate_sink = caf::typed_actor<caf::reacts_to<call_batch>>;

/// What it needs of a reader.
using read_sink = caf::typed_actor<caf::reacts_to<read_batch>, caf::reacts_to<read_stream_event>>;

/// What it needs of the store keeper, which answers the edges itself.
using keeper_sink = caf::typed_actor<caf::reacts_to<defragment>>;

struct service_peers {
  proposal_sink member;
  await_sink applier;
  /// One-key reads go here, in turn if there are several; never empty.
  std::vector<read_sink> point_readers;
  /// Reads of many keys and streams; always the same one, because it holds the streams' state.
  read_sink list_reader;
  /// Take the calls that `rpc_table` gives them.
  delegate_sink watches;
  delegate_sink leases;
  delegate_sink recipes;
  keeper_sink keeper;
};

struct service_host {
  service_host(service_core core, service_peers peers, std::shared_ptr<const clock> time);

  void carry_out(service_output&& out);
  /// Counts what a step of the core has failed for want of a read index.
  void note_failed_reads(const service_output& out, errc reason, metrics::counter& in) const;

  service_core core;
  service_peers peers;
  std::shared_ptr<const clock> time;
  answer_router edges;
  std::size_t next_reader = 0;
  metrics::meter meter;
};

struct service_state {
  service_state() = default;

  static inline const char* name = "service";

  std::shared_ptr<service_host> host;
};

service_actor::behavior_type service_behavior(service_actor::stateful_pointer<service_state> self,
                                              const std::shared_ptr<service_host>& host);

} // namespace troupe::service
