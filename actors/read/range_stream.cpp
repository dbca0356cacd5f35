#include "actors/read/range_stream.hpp"

#include "actors/read/range_query.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::read {

using etcdserverpb::RangeResponse;

range_stream::range_stream(std::shared_ptr<const mvcc::source> source,
                           const etcdserverpb::RangeRequest& request, std::size_t target_bytes)
    : source_(std::move(source)), target_bytes_(target_bytes), keys_only_(request.keys_only()),
      count_only_(request.count_only()),
      at_(request.revision() > 0 ? request.revision() : source_->revision()),
      header_revision_(source_->revision()),
      rest_(mvcc::key_range::of(request.key(), request.range_end())),
      limit_(request.limit() > 0 ? request.limit() : std::numeric_limits<std::int64_t>::max()) {}

errc range_stream::next(etcdserverpb::RangeStreamResponse& response) {
  ensure(!done(), "nobody asks a finished stream for more");
  auto error = source_->check(at_);
  if (error == errc::none) {
    auto& range = *response.mutable_range_response();
    error = count_only_ ? count_only(range) : next_page(range);
  }
  if (error != errc::none)
    source_.reset();
  return error;
}

errc range_stream::count_only(RangeResponse& response) {
  std::int64_t count = 0;
  auto error = source_->count(rest_, at_, count);
  response.mutable_header()->set_revision(header_revision_);
  response.set_count(count);
  source_.reset();
  return error;
}

errc range_stream::next_page(RangeResponse& response) {
  bool more = false;
  auto error = append_page(*source_, rest_, at_, std::min(page_, limit_ - sent_), keys_only_,
                           *response.mutable_kvs(), more);
  if (error != errc::none)
    return error;
  sent_ += response.kvs_size();
  if (more) {
    rest_.begin = response.kvs().rbegin()->key();
    rest_.begin.push_back('\0');
  }
  if (more && sent_ < limit_) {
    adjust_page(response.ByteSizeLong());
    return errc::none;
  }
  std::int64_t left = 0;
  if (more)
    error = source_->count(rest_, at_, left);
  response.mutable_header()->set_revision(header_revision_);
  response.set_more(more);
  response.set_count(sent_ + left);
  source_.reset();
  return error;
}

void range_stream::adjust_page(std::size_t last_bytes) {
  if (last_bytes < target_bytes_ / 2)
    page_ = std::min(page_ * 2, std::int64_t{1} << 40);
  else if (last_bytes > target_bytes_ * 2)
    page_ = std::max(page_ / 2, std::int64_t{1});
}

} // namespace troupe::read
