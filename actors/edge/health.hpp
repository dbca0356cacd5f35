#pragma once

#include "messages/rpc.hpp"

#include <optional>

namespace troupe {

/// True for the methods of grpc.health.v1.Health, which the edge answers itself: they ask whether
/// this port serves, and it does.
inline bool is_health_method(rpc_method method) {
  return method == rpc_method::health_check || method == rpc_method::health_watch;
}

/// What to answer to an event of such a call; nothing where there is nothing to say. As grpc-go's
/// health server: the empty service name is SERVING. Another name is NOT_FOUND for Check and
/// SERVICE_UNKNOWN for Watch. A Watch stays open.
std::optional<rpc_answer> answer_health(const call_event& event);

} // namespace troupe
