#include "actors/recipe/plain_call.hpp"

#include "actors/recipe/requests.hpp"
#include "messages/ensure.hpp"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"

namespace troupe::recipe {

plain_call::plain_call(call_frame frame, blob body)
    : recipe_call(std::move(frame)), body_(std::move(body)) {}

void plain_call::start(step s) {
  switch (frame().method) {
  case rpc_method::lock_unlock:
    return unlock(s);
  case rpc_method::election_proclaim:
    return proclaim(s);
  case rpc_method::election_resign:
    return resign(s);
  case rpc_method::election_leader:
    return find_leader(s);
  default:
    fail_invariant("no other method is this simple", std::source_location::current());
  }
}

void plain_call::failed(const failure& why, step s) {
  refuse(why, s);
}

void plain_call::unlock(step s) {
  etcdserverpb::DeleteRangeRequest request;
  request.set_key(read<v3lockpb::UnlockRequest>(body_).key());
  ask<etcdserverpb::DeleteRangeResponse>(
    rpc_method::kv_delete_range, request,
    [this](const auto& response, step at) {
      v3lockpb::UnlockResponse answer;
      *answer.mutable_header() = response.header();
      succeed(answer, at);
    },
    s);
}

// The value goes with the lease of the leadership; etcd grants one for a leadership that names
// none.
void plain_call::proclaim(step s) {
  auto request = read<v3electionpb::ProclaimRequest>(body_);
  if (!request.has_leader())
    return refuse(errc::leadership_missing, s);
  if (request.leader().lease() != 0)
    return publish(request.leader().lease(), s);
  ask<etcdserverpb::LeaseGrantResponse>(
    rpc_method::lease_grant, own_lease(),
    [this](const auto& granted, step at) { publish(granted.id(), at); }, s);
}

void plain_call::publish(std::int64_t lease, step s) {
  auto request = read<v3electionpb::ProclaimRequest>(body_);
  const auto& leader = request.leader();
  ask<etcdserverpb::TxnResponse>(
    rpc_method::kv_txn, overwrite(leader.key(), leader.rev(), request.value(), lease),
    [this](const auto& response, step at) {
      if (!response.succeeded())
        return refuse(errc::not_elected, at);
      v3electionpb::ProclaimResponse answer;
      *answer.mutable_header() = response.header();
      succeed(answer, at);
    },
    s);
}

// Who does not lead any more has nothing to give up: that is a success.
void plain_call::resign(step s) {
  auto request = read<v3electionpb::ResignRequest>(body_);
  if (!request.has_leader())
    return refuse(errc::leadership_missing, s);
  ask<etcdserverpb::TxnResponse>(
    rpc_method::kv_txn, leave_line(request.leader().key(), request.leader().rev()),
    [this](const auto& response, step at) {
      v3electionpb::ResignResponse answer;
      *answer.mutable_header() = response.header();
      succeed(answer, at);
    },
    s);
}

void plain_call::find_leader(step s) {
  auto request = read<v3electionpb::LeaderRequest>(body_);
  ask<etcdserverpb::RangeResponse>(
    rpc_method::kv_range, oldest_under(prefix_of(request.name())),
    [this](const auto& response, step at) {
      if (response.kvs_size() == 0)
        return refuse(errc::nobody_elected, at);
      v3electionpb::LeaderResponse answer;
      *answer.mutable_header() = response.header();
      *answer.mutable_kv() = response.kvs(0);
      succeed(answer, at);
    },
    s);
}

} // namespace troupe::recipe
