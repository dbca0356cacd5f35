#include "actors/recipe/requests.hpp"

#include <array>
#include <charconv>

namespace troupe::recipe {

namespace {

/// The prefix ends with a '/': what follows it in the order of bytes is '0'.
void cover(const std::string& prefix, etcdserverpb::RangeRequest& request) {
  request.set_key(prefix);
  request.set_range_end(prefix.substr(0, prefix.size() - 1) + static_cast<char>('/' + 1));
}

void add_put(const std::string& key, const std::string& value, std::int64_t lease,
             etcdserverpb::TxnRequest& txn) {
  auto& put = *txn.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(value);
  put.set_lease(lease);
}

} // namespace

std::string prefix_of(const std::string& name) {
  return name + "/";
}

std::string key_of(const std::string& name, std::int64_t lease) {
  std::array<char, 17> digits{};
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), lease, 16).ptr;
  return prefix_of(name).append(digits.data(), end);
}

void require_created(etcdserverpb::TxnRequest& txn, const std::string& key, std::int64_t revision) {
  auto& compare = *txn.add_compare();
  compare.set_target(etcdserverpb::Compare::CREATE);
  compare.set_result(etcdserverpb::Compare::EQUAL);
  compare.set_key(key);
  compare.set_create_revision(revision);
}

etcdserverpb::RangeRequest oldest_under(const std::string& prefix) {
  etcdserverpb::RangeRequest request;
  cover(prefix, request);
  request.set_sort_target(etcdserverpb::RangeRequest::CREATE);
  request.set_sort_order(etcdserverpb::RangeRequest::ASCEND);
  request.set_limit(1);
  return request;
}

etcdserverpb::RangeRequest youngest_under(const std::string& prefix, std::int64_t revision) {
  etcdserverpb::RangeRequest request;
  cover(prefix, request);
  request.set_sort_target(etcdserverpb::RangeRequest::CREATE);
  request.set_sort_order(etcdserverpb::RangeRequest::DESCEND);
  request.set_max_create_revision(revision);
  request.set_keys_only(true);
  request.set_limit(1);
  return request;
}

etcdserverpb::TxnRequest enter_line(const std::string& prefix, const std::string& key,
                                    const std::string& value, std::int64_t lease) {
  etcdserverpb::TxnRequest txn;
  require_created(txn, key, 0);
  add_put(key, value, lease, txn);
  txn.add_failure()->mutable_request_range()->set_key(key);
  *txn.add_success()->mutable_request_range() = oldest_under(prefix);
  *txn.add_failure()->mutable_request_range() = oldest_under(prefix);
  return txn;
}

etcdserverpb::TxnRequest leave_line(const std::string& key, std::int64_t created) {
  etcdserverpb::TxnRequest txn;
  require_created(txn, key, created);
  txn.add_success()->mutable_request_delete_range()->set_key(key);
  return txn;
}

etcdserverpb::TxnRequest look_ahead(const std::string& prefix, const std::string& key,
                                    std::int64_t created) {
  etcdserverpb::TxnRequest txn;
  require_created(txn, key, created);
  *txn.add_success()->mutable_request_range() = youngest_under(prefix, created - 1);
  *txn.add_failure()->mutable_request_range() = youngest_under(prefix, created - 1);
  return txn;
}

etcdserverpb::TxnRequest overwrite(const std::string& key, std::int64_t created,
                                   const std::string& value, std::int64_t lease) {
  etcdserverpb::TxnRequest txn;
  require_created(txn, key, created);
  add_put(key, value, lease, txn);
  return txn;
}

etcdserverpb::LeaseGrantRequest own_lease() {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(own_lease_seconds);
  return request;
}

} // namespace troupe::recipe
