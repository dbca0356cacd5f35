#include "actors/sim/kv_wire.hpp"

#include "messages/proto/rpc.pb.h"

#include <utility>

namespace troupe::sim {

namespace {

using namespace etcdserverpb;

bool is_single(const kv_call& call) {
  return call.compares.empty() && call.failure.empty() && call.success.size() == 1;
}

void fill(RangeRequest& to, const kv_request& from, bool serializable) {
  to.set_key(from.key);
  to.set_range_end(from.range_end);
  to.set_revision(from.revision);
  to.set_limit(from.limit);
  to.set_serializable(serializable);
}

void fill(PutRequest& to, const kv_request& from) {
  to.set_key(from.key);
  to.set_value(from.value);
  to.set_lease(from.lease.value);
  to.set_prev_kv(from.prev_kv);
}

void fill(DeleteRangeRequest& to, const kv_request& from) {
  to.set_key(from.key);
  to.set_range_end(from.range_end);
  to.set_prev_kv(from.prev_kv);
}

void fill(RequestOp& to, const kv_request& from, bool serializable) {
  switch (from.kind) {
  case kv_request::type::range:
    return fill(*to.mutable_request_range(), from, serializable);
  case kv_request::type::put:
    return fill(*to.mutable_request_put(), from);
  case kv_request::type::delete_range:
    return fill(*to.mutable_request_delete_range(), from);
  }
}

void fill(Compare& to, const kv_compare& from) {
  constexpr Compare::CompareResult results[] = {Compare::EQUAL, Compare::NOT_EQUAL,
                                                Compare::GREATER, Compare::LESS};
  to.set_key(from.key);
  to.set_result(results[static_cast<std::size_t>(from.is)]);
  using field = kv_compare::field;
  switch (from.target) {
  case field::version:
    to.set_target(Compare::VERSION);
    return to.set_version(from.number);
  case field::create_revision:
    to.set_target(Compare::CREATE);
    return to.set_create_revision(from.number);
  case field::mod_revision:
    to.set_target(Compare::MOD);
    return to.set_mod_revision(from.number);
  case field::value:
    to.set_target(Compare::VALUE);
    return to.set_value(from.value);
  case field::lease:
    to.set_target(Compare::LEASE);
    return to.set_lease(from.number);
  }
}

mvcc::key_value read(const mvccpb::KeyValue& from) {
  return {.key = from.key(),
          .value = from.value(),
          .create_revision = from.create_revision(),
          .mod_revision = from.mod_revision(),
          .version = from.version(),
          .lease = {from.lease()}};
}

kv_answer read(const RangeResponse& from) {
  kv_answer result{.count = from.count()};
  for (const auto& kv : from.kvs())
    result.kvs.push_back(read(kv));
  return result;
}

kv_answer read(const PutResponse& from) {
  kv_answer result;
  if (from.has_prev_kv())
    result.kvs.push_back(read(from.prev_kv()));
  return result;
}

kv_answer read(const DeleteRangeResponse& from) {
  kv_answer result{.count = from.deleted()};
  for (const auto& kv : from.prev_kvs())
    result.kvs.push_back(read(kv));
  return result;
}

template <class Response>
std::optional<kv_result> read_single(std::string_view body) {
  Response response;
  if (!response.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return std::nullopt;
  return kv_result{response.header().revision(), true, {read(response)}};
}

std::optional<kv_result> read_txn(std::string_view body) {
  TxnResponse response;
  if (!response.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return std::nullopt;
  kv_result result{response.header().revision(), response.succeeded(), {}};
  for (const auto& each : response.responses()) {
    if (each.has_response_range())
      result.answers.push_back(read(each.response_range()));
    else if (each.has_response_put())
      result.answers.push_back(read(each.response_put()));
    else
      result.answers.push_back(read(each.response_delete_range()));
  }
  return result;
}

wire_call single(const kv_call& call) {
  const auto& from = call.success.front();
  switch (from.kind) {
  case kv_request::type::range: {
    RangeRequest request;
    fill(request, from, call.serializable);
    return {rpc_method::kv_range, request.SerializeAsString()};
  }
  case kv_request::type::put: {
    PutRequest request;
    fill(request, from);
    return {rpc_method::kv_put, request.SerializeAsString()};
  }
  case kv_request::type::delete_range:
    break;
  }
  DeleteRangeRequest request;
  fill(request, from);
  return {rpc_method::kv_delete_range, request.SerializeAsString()};
}

} // namespace

wire_call to_wire(const kv_call& call) {
  if (is_single(call))
    return single(call);
  TxnRequest request;
  for (const auto& each : call.compares)
    fill(*request.add_compare(), each);
  for (const auto& each : call.success)
    fill(*request.add_success(), each, call.serializable);
  for (const auto& each : call.failure)
    fill(*request.add_failure(), each, call.serializable);
  return {rpc_method::kv_txn, request.SerializeAsString()};
}

std::optional<kv_result> from_wire(const kv_call& call, std::string_view body) {
  if (!is_single(call))
    return read_txn(body);
  switch (call.success.front().kind) {
  case kv_request::type::range:
    return read_single<RangeResponse>(body);
  case kv_request::type::put:
    return read_single<PutResponse>(body);
  case kv_request::type::delete_range:
    break;
  }
  return read_single<DeleteRangeResponse>(body);
}

} // namespace troupe::sim
