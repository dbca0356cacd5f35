#include "apps/troupectl/watching.hpp"

#include <thread>

namespace troupe::ctl {

namespace {

constexpr int status_internal = 13;
constexpr int status_unavailable = 14;

bool may_come_back(int status) {
  return status == status_unavailable || status == status_internal;
}

} // namespace

watching::watching(client& to, pb::WatchCreateRequest request)
    : client_(to), request_(std::move(request)) {}

void watching::open() {
  auto fresh = client_.open(rpc_method::watch_watch, true);
  pb::WatchRequest create;
  *create.mutable_create_request() = request_;
  fresh->write(create);
  was_open_ = true;
  std::lock_guard lock(mutex_);
  stream_ = std::move(fresh);
  if (canceled_)
    stream_->cancel();
}

/// Keeps up with where a new connection must go on. Whether the response is for the caller.
bool watching::handle(const pb::WatchResponse& response) {
  if (response.created() && !response.canceled()) {
    if (request_.start_revision() == 0)
      request_.set_start_revision(response.header().revision() + 1);
    return false;
  }
  over_ = response.canceled();
  if (!response.events().empty())
    request_.set_start_revision(response.events().rbegin()->kv().mod_revision() + 1);
  else if (response.header().revision() >= request_.start_revision() && !over_)
    request_.set_start_revision(response.header().revision() + 1);
  return true;
}

void watching::wait_before_retry() {
  for (int i = 0; i < 10 && !canceled_; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

bool watching::next(pb::WatchResponse& response) {
  while (!over_ && !canceled_) {
    try {
      if (stream_ == nullptr)
        open();
      while (stream_->read(response))
        if (handle(response))
          return true;
      std::lock_guard lock(mutex_);
      stream_->finish();
    } catch (const call_failed& error) {
      if (canceled_)
        return false;
      if (!may_come_back(error.status) && !(was_open_ && error.status == status_deadline_exceeded))
        throw;
    }
    wait_before_retry();
    std::lock_guard lock(mutex_);
    stream_.reset();
  }
  return false;
}

void watching::request_progress() {
  pb::WatchRequest request;
  request.mutable_progress_request();
  std::lock_guard lock(mutex_);
  if (stream_ != nullptr)
    stream_->write(request);
}

void watching::cancel() {
  std::lock_guard lock(mutex_);
  canceled_ = true;
  if (stream_ != nullptr)
    stream_->cancel();
}

std::string cancel_reason(const pb::WatchResponse& response) {
  if (response.compact_revision() != 0)
    return "etcdserver: mvcc: required revision has been compacted";
  if (response.cancel_reason().empty())
    return "etcdserver: mvcc: required revision is a future revision";
  constexpr int failed_precondition = 9;
  return call_failed(failed_precondition, response.cancel_reason()).what();
}

} // namespace troupe::ctl
