#include "apps/troupectl/range_pages.hpp"

#include "apps/troupectl/commands/kv_requests.hpp"

namespace troupe::ctl {

namespace {

constexpr std::int64_t first_limit = 100;
constexpr std::int64_t greatest_limit = 10'000;
constexpr std::size_t page_bytes = 4 << 20;
constexpr int greatest_answer = 64 << 20;
constexpr int status_resource_exhausted = 8;

} // namespace

std::int64_t next_limit(std::int64_t pairs, std::size_t bytes) {
  auto each =
    std::max<std::size_t>(bytes / static_cast<std::size_t>(std::max<std::int64_t>(pairs, 1)), 1);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(page_bytes / each), 1, greatest_limit);
}

client_options bounded(client_options options) {
  if (options.max_receive_bytes == 0)
    options.max_receive_bytes = greatest_answer;
  return options;
}

paged_range range_of_prefix(const std::string& prefix) {
  return {prefix.empty() ? std::string(1, '\0') : prefix, prefix_end(prefix)};
}

range_pages::range_pages(client& from, const paged_range& wanted) : from_(from) {
  request_.set_key(wanted.key);
  request_.set_range_end(wanted.end);
  request_.set_revision(wanted.revision);
  request_.set_keys_only(wanted.keys_only);
  request_.set_limit(first_limit);
}

pb::RangeResponse range_pages::read() {
  for (;;) {
    try {
      return from_.call(request_);
    } catch (const call_failed& error) {
      if (error.status != status_resource_exhausted || request_.limit() == 1)
        throw;
      constexpr std::int64_t fewer = 4;
      request_.set_limit(std::max<std::int64_t>(request_.limit() / fewer, 1));
    }
  }
}

bool range_pages::next(pb::RangeResponse& page) {
  if (over_)
    return false;
  page = read();
  if (count_ == 0)
    count_ = page.count();
  if (request_.revision() == 0)
    request_.set_revision(page.header().revision());
  over_ = !page.more() || page.kvs().empty();
  if (page.kvs().empty())
    return false;
  request_.set_key(page.kvs().rbegin()->key() + std::string(1, '\0'));
  request_.set_limit(next_limit(page.kvs_size(), page.ByteSizeLong()));
  return true;
}

} // namespace troupe::ctl
