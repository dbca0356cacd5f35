#include "actors/recipe/queue_call.hpp"

#include "actors/recipe/requests.hpp"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"

#include <algorithm>

namespace troupe::recipe {

namespace {

/// After so many, those to learn whether there is a key among them, it is left to its lease.
constexpr int max_leave_attempts = 5;

} // namespace

queue_call::queue_call(call_frame frame, const blob& body, std::shared_ptr<places_in_line> places)
    : recipe_call(std::move(frame)), places_(std::move(places)), place_(places_->end()) {
  auto take = [this](auto&& request) {
    name_ = std::move(*request.mutable_name());
    lease_ = request.lease();
  };
  if (campaigns()) {
    auto request = read<v3electionpb::CampaignRequest>(body);
    value_ = std::move(*request.mutable_value());
    take(std::move(request));
  } else {
    take(read<v3lockpb::LockRequest>(body));
  }
}

queue_call::~queue_call() {
  if (place_ == places_->end())
    return;
  if (!client_gone())
    --place_->second.wanted;
  if (--place_->second.calls == 0)
    places_->erase(place_);
}

bool queue_call::campaigns() const {
  return frame().method == rpc_method::election_campaign;
}

void queue_call::start(step s) {
  if (lease_ != 0)
    return enter(s);
  ask<etcdserverpb::LeaseGrantResponse>(
    rpc_method::lease_grant, own_lease(),
    [this](const auto& granted, step at) {
      lease_ = granted.id();
      own_lease_ = true;
      enter(at);
    },
    s);
}

void queue_call::enter(step s) {
  stage_ = stage::entering;
  key_ = key_of(name_, lease_);
  place_ = places_->try_emplace(key_).first;
  ++place_->second.calls;
  ++place_->second.wanted;
  ask_for_place(s);
}

bool queue_call::others_want_it() const {
  const auto& place = place_->second;
  return place.taken || place.wanted > (client_gone() ? 0 : 1);
}

void queue_call::ask_for_place(step s) {
  ask<etcdserverpb::TxnResponse>(
    rpc_method::kv_txn, enter_line(prefix_of(name_), key_, value_, lease_),
    [this](const auto& response, step at) { entered(response, at); }, s);
}

void queue_call::entered(const etcdserverpb::TxnResponse& response, step s) {
  if (response.responses_size() != 2)
    return failed({errc::internal, "an answer without its parts"}, s);
  entered_ = response.header();
  made_ = response.succeeded();
  created_ = response.header().revision();
  bool differs = false;
  if (!made_) {
    const auto& found = response.responses(0).response_range();
    if (found.kvs_size() != 1)
      return failed({errc::internal, "an answer without its key"}, s);
    created_ = found.kvs(0).create_revision();
    differs = found.kvs(0).value() != value_;
  }
  const auto& oldest = response.responses(1).response_range();
  first_ = oldest.kvs_size() == 0 || oldest.kvs(0).create_revision() == created_;
  if (client_gone())
    (made_ || own_lease_ || !first_) && !others_want_it() ? leave(s) : finish(s);
  else if (campaigns() && differs)
    proclaim(s);
  else
    proceed(s);
}

// Who stands for election again with another value publishes it, leader or not.
void queue_call::proclaim(step s) {
  stage_ = stage::proclaiming;
  ask<etcdserverpb::TxnResponse>(
    rpc_method::kv_txn, overwrite(key_, created_, value_, lease_),
    [this](const auto& response, step at) {
      if (response.succeeded())
        proceed(at);
      else
        lost(at);
    },
    s);
}

void queue_call::proceed(step s) {
  value_ = {};
  stage_ = stage::waiting;
  if (first_)
    acquired(entered_, s);
  else
    look(s);
}

void queue_call::look(step s) {
  ask<etcdserverpb::TxnResponse>(
    rpc_method::kv_txn, look_ahead(prefix_of(name_), key_, created_),
    [this](const auto& response, step at) { looked(response, at); }, s);
}

void queue_call::looked(const etcdserverpb::TxnResponse& response, step s) {
  if (response.responses_size() != 1)
    return failed({errc::internal, "an answer without its parts"}, s);
  if (!response.succeeded())
    return lost(s);
  const auto& ahead = response.responses(0).response_range();
  if (ahead.kvs_size() == 0)
    return acquired(response.header(), s);
  etcdserverpb::WatchCreateRequest request;
  request.set_key(ahead.kvs(0).key());
  request.set_start_revision(response.header().revision() + 1);
  request.add_filters(etcdserverpb::WatchCreateRequest::NOPUT);
  watch(request, s);
}

void queue_call::watched(const etcdserverpb::WatchResponse& response, step s) {
  bool gone = std::ranges::any_of(
    response.events(), [](const auto& event) { return event.type() == mvccpb::Event::DELETE; });
  if (!gone && !response.canceled())
    return;
  drop(s);
  // A watch that compaction has overtaken says nothing; a look does.
  if (!gone && response.compact_revision() == 0)
    failed({errc::internal, response.cancel_reason()}, s);
  else
    look(s);
}

// etcd's Campaign does not look whether the key is still there; then its caller believes to lead
// while somebody else does.
void queue_call::lost(step s) {
  refuse(campaigns() ? errc::not_elected : errc::lock_lost, s);
}

void queue_call::acquired(const etcdserverpb::ResponseHeader& header, step s) {
  place_->second.taken = true;
  if (!campaigns()) {
    v3lockpb::LockResponse answer;
    *answer.mutable_header() = header;
    answer.set_key(key_);
    return succeed(answer, s);
  }
  v3electionpb::CampaignResponse answer;
  *answer.mutable_header() = entered_;
  auto& leader = *answer.mutable_leader();
  leader.set_name(name_);
  leader.set_key(key_);
  leader.set_rev(created_);
  leader.set_lease(lease_);
  succeed(answer, s);
}

void queue_call::cancelled(step s) {
  if (place_ != places_->end())
    --place_->second.wanted;
  switch (stage_) {
  case stage::granting:
    finish(s);
    break;
  case stage::entering:
    break; // whether there is something to clean up, the answer says, or another one
  case stage::proclaiming:
    drop(s);
    first_ ? finish(s) : leave(s);
    break;
  case stage::waiting:
    drop(s);
    leave(s);
    break;
  case stage::leaving:
    break;
  }
}

void queue_call::failed(const failure& why, step s) {
  if (stage_ == stage::entering && client_gone() && why.leaves_open())
    in_doubt_ = true;
  if (stage_ == stage::leaving || in_doubt_) {
    if (why.passes() && leave_attempts_ < max_leave_attempts)
      return try_again(s);
    return left(s);
  }
  if (stage_ != stage::waiting)
    return refuse(why, s);
  if (why.passes())
    return try_again(s);
  reason_ = why;
  // A candidate stays one, as with etcd: it may come back with its lease.
  campaigns() ? refuse(why, s) : leave(s);
}

void queue_call::again(step s) {
  if (stage_ == stage::waiting)
    look(s);
  else if (others_want_it())
    left(s);
  else if (stage_ == stage::leaving)
    leave(s);
  else
    look_back(s);
}

// What was made meanwhile is found, what was not is made now.
void queue_call::look_back(step s) {
  ++leave_attempts_;
  ask_for_place(s);
}

void queue_call::leave(step s) {
  stage_ = stage::leaving;
  ++leave_attempts_;
  ask<etcdserverpb::TxnResponse>(
    rpc_method::kv_txn, leave_line(key_, created_), [this](const auto&, step at) { left(at); }, s);
}

void queue_call::left(step s) {
  refuse(reason_, s);
}

} // namespace troupe::recipe
