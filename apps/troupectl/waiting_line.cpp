#include "apps/troupectl/waiting_line.hpp"

#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/go_text.hpp"

namespace troupe::ctl {

namespace {

pb::RangeRequest created_order(const std::string& prefix, pb::RangeRequest::SortOrder order) {
  pb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(prefix_end(prefix));
  request.set_sort_target(pb::RangeRequest::CREATE);
  request.set_sort_order(order);
  request.set_limit(1);
  return request;
}

/// True while the key is the one that was created at this revision; 0: while there is none.
pb::Compare created_at(const std::string& key, std::int64_t revision) {
  pb::Compare compare;
  compare.set_key(key);
  compare.set_target(pb::Compare::CREATE);
  compare.set_result(pb::Compare::EQUAL);
  compare.set_create_revision(revision);
  return compare;
}

} // namespace

pb::RangeRequest first_in_line(const std::string& name) {
  return created_order(name + "/", pb::RangeRequest::ASCEND);
}

waiting_line::waiting_line(client& to, const std::string& name, std::int64_t lease)
    : client_(to), prefix_(name + "/"), key_(prefix_ + go::hex(static_cast<std::uint64_t>(lease))),
      lease_(lease) {}

void waiting_line::join(const std::string& value) {
  pb::TxnRequest request;
  *request.add_compare() = created_at(key_, 0);
  auto* put = request.add_success()->mutable_request_put();
  put->set_key(key_);
  put->set_value(value);
  put->set_lease(lease_);
  request.add_failure()->mutable_request_range()->set_key(key_);
  auto response = client_.call(request, client::no_timeout);
  created_ = response.header().revision();
  if (!response.succeeded())
    created_ = response.responses(0).response_range().kvs(0).create_revision();
}

bool waiting_line::wait() {
  for (;;) {
    auto before_us = created_order(prefix_, pb::RangeRequest::DESCEND);
    before_us.set_max_create_revision(created_ - 1);
    auto response = client_.call(before_us, client::no_timeout);
    if (response.kvs().empty()) {
      held_since_ = response.header().revision();
      return true;
    }
    if (!wait_for_deletion(response.kvs(0).key(), response.header().revision()))
      return false;
  }
}

bool waiting_line::wait_for_deletion(const std::string& key, std::int64_t from_revision) {
  pb::WatchCreateRequest request;
  request.set_key(key);
  request.set_start_revision(from_revision);
  watching watch(client_, request);
  {
    std::lock_guard lock(mutex_);
    if (canceled_)
      return false;
    waiting_ = &watch;
  }
  pb::WatchResponse response;
  bool deleted = false;
  while (!deleted && watch.next(response)) {
    // The history from then on is gone: look at the line again.
    deleted = response.canceled();
    for (const auto& event : response.events())
      deleted = deleted || event.type() == mvccpb::Event::DELETE;
  }
  std::lock_guard lock(mutex_);
  waiting_ = nullptr;
  return deleted;
}

void waiting_line::cancel() {
  std::lock_guard lock(mutex_);
  canceled_ = true;
  if (waiting_ != nullptr)
    waiting_->cancel();
}

void waiting_line::leave() {
  pb::TxnRequest request;
  *request.add_compare() = created_at(key_, created_);
  request.add_success()->mutable_request_delete_range()->set_key(key_);
  client_.call(request);
}

pb::RangeResponse waiting_line::own() {
  pb::RangeRequest request;
  request.set_key(key_);
  return client_.call(request);
}

} // namespace troupe::ctl
