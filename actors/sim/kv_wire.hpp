#pragma once

#include "actors/sim/history.hpp"
#include "messages/rpc_method.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::sim {

/// A call as a client puts it on the wire.
struct wire_call {
  rpc_method method = rpc_method::kv_range;
  std::string body;
};

/// A call of one request without conditions becomes that request, any other a transaction.
wire_call to_wire(const kv_call& call);

/// What the answer to `call` says; empty if the bytes are no answer to it.
std::optional<kv_result> from_wire(const kv_call& call, std::string_view body);

} // namespace troupe::sim
