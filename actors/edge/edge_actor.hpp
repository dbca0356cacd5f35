#pragma once

#include "messages/http.hpp"
#include "messages/rpc.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>
#include <chrono>

namespace troupe {

/// Begin to accept connections on the listeners. Sent once everybody who answers knows which edge
/// has this number.
struct serve_clients {};

/// Accept no more connections and calls, let open calls end, then end; after `patience` cut what is
/// left. Who waits for it monitors the edge.
struct drain_clients {
  std::chrono::milliseconds patience{0};
};

/// Who takes the calls of an edge and answers them with `rpc_answers` to the edge of that number.
using call_sink = caf::typed_actor<
  // All that clients said in one round of the multiplexer.
  caf::reacts_to<call_batch>>;

/// Who takes the HTTP/1.1 requests of an edge and answers each with an `http_response`.
using http_sink = caf::typed_actor<
  // One complete request.
  caf::reacts_to<http_request>>;

/// Who takes the requests of an edge whose answers may come in parts.
using gateway_sink = caf::typed_actor<
  // One request, complete but for the body where it says so.
  caf::reacts_to<http_request>,
  // What follows it; also comes for requests that others took.
  caf::reacts_to<http_event>>;

/// The face of an edge to the rest of the node.
using edge_actor = caf::typed_actor<
  // Answers to calls of many connections, written with one flush each.
  caf::reacts_to<rpc_answers>,
  // The answer to one HTTP/1.1 request, or its beginning.
  caf::reacts_to<http_response>,
  // More of such answers.
  caf::reacts_to<http_body_parts>,
  // See there.
  caf::reacts_to<serve_clients>, caf::reacts_to<drain_clients>>;

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http_response)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http_body_parts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::serve_clients)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::drain_clients)
