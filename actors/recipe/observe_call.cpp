#include "actors/recipe/observe_call.hpp"

#include "actors/recipe/requests.hpp"
#include "messages/proto/v3election.pb.h"

namespace troupe::recipe {

namespace {

/// Values kept for one client that reads slowly.
constexpr std::size_t max_unsent = 64;

} // namespace

observe_call::observe_call(call_frame frame, const blob& body, std::shared_ptr<byte_budget> kept)
    : recipe_call(std::move(frame)),
      prefix_(prefix_of(read<v3electionpb::LeaderRequest>(body).name())), kept_(std::move(kept)) {}

observe_call::~observe_call() {
  kept_->give_back(unsent_bytes_);
}

void observe_call::start(step s) {
  ask_for_leader(s);
}

void observe_call::ask_for_leader(step s) {
  next_ = 0;
  ask<etcdserverpb::RangeResponse>(
    rpc_method::kv_range, oldest_under(prefix_),
    [this](const auto& response, step at) {
      std::string leader;
      if (response.kvs_size() != 0) {
        const auto& kv = response.kvs(0);
        bool news = kv.mod_revision() != shown_ || kv.key() != key_;
        if (news && !show(kv, response.header(), at))
          return;
        leader = kv.key();
      }
      key_ = std::move(leader);
      next_ = response.header().revision() + 1;
      follow(at);
    },
    s);
}

void observe_call::follow(step s) {
  etcdserverpb::WatchCreateRequest request;
  request.set_start_revision(next_);
  if (key_.empty()) {
    request.set_key(prefix_);
    request.set_range_end(oldest_under(prefix_).range_end());
    request.add_filters(etcdserverpb::WatchCreateRequest::NODELETE);
  } else {
    request.set_key(key_);
  }
  watch(request, s);
}

void observe_call::watched(const etcdserverpb::WatchResponse& response, step s) {
  for (const auto& event : response.events()) {
    if (event.kv().mod_revision() < next_)
      continue;
    if (event.type() == mvccpb::Event::DELETE) {
      drop(s);
      return ask_for_leader(s);
    }
    auto header = response.header();
    header.set_revision(event.kv().mod_revision());
    if (!show(event.kv(), std::move(header), s)) {
      drop(s);
      return;
    }
    next_ = event.kv().mod_revision() + 1;
    if (key_.empty()) {
      key_ = event.kv().key();
      drop(s);
      return follow(s);
    }
  }
  if (!response.canceled())
    return;
  drop(s);
  if (response.compact_revision() == 0)
    return failed({errc::internal, response.cancel_reason()}, s);
  ask_for_leader(s);
}

bool observe_call::show(const mvccpb::KeyValue& kv, etcdserverpb::ResponseHeader header, step s) {
  v3electionpb::LeaderResponse answer;
  *answer.mutable_header() = std::move(header);
  *answer.mutable_kv() = kv;
  blob message{answer.SerializeAsString()};
  if (blocked_) {
    paused_ = unsent_.size() >= max_unsent || !kept_->take(message.size());
    if (paused_)
      return false;
    unsent_bytes_ += message.size();
    unsent_.push_back(std::move(message));
  } else {
    blocked_ = true;
    send(std::move(message), s);
  }
  shown_ = kv.mod_revision();
  return true;
}

void observe_call::on_writable(step s) {
  blocked_ = !unsent_.empty();
  for (auto& message : unsent_)
    send(std::move(message), s);
  unsent_.clear();
  kept_->give_back(std::exchange(unsent_bytes_, 0));
  if (std::exchange(paused_, false))
    again(s);
}

void observe_call::failed(const failure& why, step s) {
  bool wants_leader = frame().metadata && frame().metadata->require_leader;
  if (why.error == errc::no_leader && wants_leader)
    refuse(errc::no_leader, s);
  else if (why.passes())
    try_again(s);
  else
    refuse(errc::observe_closed, s);
}

void observe_call::again(step s) {
  if (next_ == 0)
    ask_for_leader(s);
  else
    follow(s);
}

} // namespace troupe::recipe
