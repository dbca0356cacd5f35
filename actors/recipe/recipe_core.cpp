#include "actors/recipe/recipe_core.hpp"

#include "actors/recipe/observe_call.hpp"
#include "actors/recipe/plain_call.hpp"
#include "actors/service/request_parser.hpp"
#include "messages/ensure.hpp"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"

namespace troupe::recipe {

namespace {

template <class Request>
service::parse_result judge(const blob& body) {
  Request request;
  return service::parse(request, body.view());
}

service::parse_result judge(rpc_method method, const blob& body) {
  switch (method) {
  case rpc_method::lock_lock:
    return judge<v3lockpb::LockRequest>(body);
  case rpc_method::lock_unlock:
    return judge<v3lockpb::UnlockRequest>(body);
  case rpc_method::election_campaign:
    return judge<v3electionpb::CampaignRequest>(body);
  case rpc_method::election_proclaim:
    return judge<v3electionpb::ProclaimRequest>(body);
  case rpc_method::election_resign:
    return judge<v3electionpb::ResignRequest>(body);
  case rpc_method::election_leader:
  case rpc_method::election_observe:
    return judge<v3electionpb::LeaderRequest>(body);
  default:
    return {errc::unimplemented, {}};
  }
}

/// What inner calls carry. A caller may ask to be refused while there is no leader; the service has
/// looked after that when the call began, and only a stream ends for it later.
std::shared_ptr<const call_metadata> metadata_of(const call_event& event) {
  if (!event.metadata)
    return std::make_shared<call_metadata>();
  if (!event.metadata->require_leader || event.method == rpc_method::election_observe)
    return event.metadata;
  auto copy = std::make_shared<call_metadata>(*event.metadata);
  copy->require_leader = false;
  return copy;
}

} // namespace

recipe_core::recipe_core(recipe_limits limits)
    : limits_(limits), bytes_(std::make_shared<byte_budget>(limits.max_bytes)) {}

void recipe_core::on(const call_batch& batch, time_point now, recipe_output& out) {
  step s{now, out};
  for (const auto& event : batch.events) {
    if (event.kind == call_event::what::request) {
      start(event, s);
      continue;
    }
    auto number = by_client_.find(event.call);
    if (number == by_client_.end())
      continue;
    auto where = calls_.find(number->second);
    if (event.kind == call_event::what::cancel)
      where->second.call->cancel(s);
    else if (event.kind == call_event::what::writable)
      where->second.call->on_writable(s);
    settle(where);
  }
}

void recipe_core::start(const call_event& event, step s) {
  auto verdict = judge(event.method, event.body);
  if (verdict.error == errc::none
      && (calls_.size() >= limits_.max_calls || !bytes_->take(event.body.size())))
    verdict = {errc::too_many_requests, {}};
  if (verdict.error != errc::none) {
    s.out.answers.push_back(refuse_with(event.call, verdict.error, std::move(verdict.detail)));
    return;
  }
  ++last_;
  open_call opened{.call = make(event), .bytes = event.body.size()};
  auto where = calls_.emplace(last_, std::move(opened)).first;
  by_client_.emplace(event.call, last_);
  where->second.call->start(s);
  settle(where);
}

std::unique_ptr<recipe_call> recipe_core::make(const call_event& event) {
  call_frame frame{.client = event.call,
                   .inner = {limits_.edge, last_, 0},
                   .method = event.method,
                   .metadata = metadata_of(event),
                   .inner_timeout = limits_.inner_timeout,
                   .pause = limits_.pause};
  switch (event.method) {
  case rpc_method::lock_lock:
  case rpc_method::election_campaign:
    return std::make_unique<queue_call>(std::move(frame), event.body, places_);
  case rpc_method::election_observe:
    return std::make_unique<observe_call>(std::move(frame), event.body, bytes_);
  default:
    return std::make_unique<plain_call>(std::move(frame), event.body);
  }
}

void recipe_core::on(const rpc_answers& answers, time_point now, recipe_output& out) {
  for (const auto& answer : answers.answers) {
    auto where = calls_.find(answer.call.connection);
    if (answer.call.edge != limits_.edge || where == calls_.end())
      continue;
    where->second.call->on(answer, {now, out});
    settle(where);
  }
}

void recipe_core::on_tick(time_point now, recipe_output& out) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto where = calls_.find(timers_.begin()->second);
    ensure(where != calls_.end(), "a timer belongs to a call");
    where->second.call->on_time({now, out});
    settle(where);
  }
}

void recipe_core::settle(call_map::iterator where) {
  auto& [number, open] = *where;
  auto wake = open.call->wake();
  if (wake != open.wake) {
    timers_.erase({open.wake, number});
    open.wake = wake;
    if (wake != time_point::max())
      timers_.emplace(wake, number);
  }
  if (!open.call->done())
    return;
  bytes_->give_back(open.bytes);
  by_client_.erase(open.call->client());
  calls_.erase(where);
}

} // namespace troupe::recipe
