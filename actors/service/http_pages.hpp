#pragma once

#include "actors/edge/edge_actor.hpp"
#include "actors/metrics/node_metrics.hpp"
#include "actors/service/page_core.hpp"
#include "messages/clock.hpp"
#include "messages/type_ids.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <map>
#include <memory>

namespace troupe::service {

/// What the pages know of an edge.
using page_edge = caf::typed_actor<caf::reacts_to<http_response>>;

/// Introduces an edge to the pages: requests of this number are answered there.
struct page_edge_joined {
  std::uint32_t edge = 0;
  page_edge handle;
};

/// Serves the pages of the client port that are no API.
using http_pages_actor = caf::typed_actor<
  // From an edge: one complete request; each gets exactly one answer.
  caf::reacts_to<http_request>,
  // From a reader or the service: how a probe came out. The pages are the edge of their probes and
  // join the answering actors as such.
  caf::reacts_to<rpc_answers>,
  // Looks after deadlines.
  caf::reacts_to<tick>,
  // Introduces an edge.
  caf::reacts_to<page_edge_joined>>;

/// What the pages work with.
struct http_pages_host {
  /// @param probes takes the reads that probe the node.
  http_pages_host(page_core core, call_sink probes, std::shared_ptr<metrics::node_metrics> metrics,
                  std::shared_ptr<const clock> time);

  void carry_out(page_output&& out) const;
  void report(const page_verdict& verdict) const;

  page_core core;
  call_sink probes;
  std::shared_ptr<metrics::node_metrics> metrics;
  std::shared_ptr<const clock> time;
  std::map<std::uint32_t, page_edge> edges;
};

struct http_pages_state {
  http_pages_state() = default;

  static inline const char* name = "service.pages";

  std::shared_ptr<http_pages_host> host;
};

http_pages_actor::behavior_type
http_pages_behavior(http_pages_actor::stateful_pointer<http_pages_state> self,
                    const std::shared_ptr<http_pages_host>& host);

} // namespace troupe::service

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::service::page_edge_joined)
