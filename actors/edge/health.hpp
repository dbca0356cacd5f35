#pragma once

#include "messages/rpc.hpp"

#include <vector>

namespace troupe {

/// Takes the calls of grpc.health.v1.Health out of `calls`: they ask whether this port serves, and
/// it does. @returns what to answer, as grpc-go's health server does: the empty service name is
/// SERVING. Another name is NOT_FOUND for Check and SERVICE_UNKNOWN for Watch. A Watch stays open.
std::vector<rpc_answer> answer_health_calls(std::vector<call_event>& calls);

} // namespace troupe
