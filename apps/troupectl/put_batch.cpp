#include "apps/troupectl/put_batch.hpp"

namespace troupe::ctl {

put_batch::put_batch(int max_operations, std::size_t max_bytes)
    : max_operations_(max_operations), max_bytes_(max_bytes) {}

bool put_batch::takes(const pb::PutRequest& put) const {
  return size() == 0
         || (size() < max_operations_ && bytes_ + put.ByteSizeLong() <= max_bytes_
             && !keys_.contains(put.key()));
}

void put_batch::add(pb::PutRequest put, std::int64_t line) {
  bytes_ += put.ByteSizeLong();
  keys_.insert(put.key());
  *request_.add_success()->mutable_request_put() = std::move(put);
  last_line_ = line;
}

void put_batch::clear() {
  request_.Clear();
  keys_.clear();
  bytes_ = 0;
  last_line_ = 0;
}

} // namespace troupe::ctl
