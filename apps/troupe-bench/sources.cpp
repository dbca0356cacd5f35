#include "apps/troupe-bench/sources.hpp"

#include <algorithm>

namespace troupe::bench {

put_source::put_source(key_space space, std::uint64_t keys, std::uint64_t value_size)
    : space_{std::move(space)}, keys_{keys}, value_size_{value_size} {}

const char* put_source::path() const {
  return put_path;
}

void put_source::request(std::uint64_t call, std::string& to) {
  const auto number = call % keys_;
  encode_put(space_.key(number), space_.value(number, value_size_), 0, to);
}

std::string put_source::judge(std::uint64_t, std::string_view, instant, instant) {
  return {};
}

range_source::range_source(key_space space, const range_shape& shape)
    : space_{std::move(space)}, shape_{shape} {}

const char* range_source::path() const {
  return range_path;
}

void range_source::request(std::uint64_t call, std::string& to) {
  const auto key = space_.key(call % shape_.keys);
  if (shape_.keys_per_range == 1)
    encode_range(key, "", 0, shape_.serializable, to);
  else
    encode_range(key, end_of_prefix(space_.prefix()), shape_.keys_per_range, shape_.serializable,
                 to);
}

std::string range_source::judge(std::uint64_t call, std::string_view answer, instant, instant) {
  if (call >= shape_.verified)
    return {};
  const auto number = call % shape_.keys;
  const auto* read = decoder_.range(answer);
  if (read == nullptr || read->kvs.empty() || read->kvs.size() > shape_.keys_per_range
      || read->kvs[0].key != space_.key(number)
      || read->kvs[0].value != space_.value(number, shape_.value_size))
    return "a range did not return what put has written";
  return {};
}

grant_source::grant_source(std::uint64_t ttl_seconds, std::vector<granted_lease>* granted)
    : ttl_seconds_{ttl_seconds}, granted_{granted} {}

void grant_source::end_together(instant end) {
  end_ = end;
}

const char* grant_source::path() const {
  return lease_grant_path;
}

void grant_source::request(std::uint64_t, std::string& to) {
  auto ttl = ttl_seconds_;
  if (end_ != instant::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(end_ - clock::now()).count();
    ttl = static_cast<std::uint64_t>(std::max<std::int64_t>(left, 1));
  }
  encode_lease_grant(ttl, to);
}

std::string grant_source::judge(std::uint64_t, std::string_view answer, instant sent, instant at) {
  const auto* lease = decoder_.lease_grant(answer);
  if (lease == nullptr || lease->id == 0 || lease->ttl_seconds <= 0)
    return "a grant was answered without a lease";
  if (granted_ != nullptr)
    granted_->push_back({.id = lease->id,
                         .ttl_seconds = static_cast<std::uint64_t>(lease->ttl_seconds),
                         .asked = sent,
                         .answered = at});
  return {};
}

renewal_source::renewal_source(const std::vector<granted_lease>& leases) : leases_{leases} {}

const char* renewal_source::path() const {
  return lease_keep_alive_path;
}

void renewal_source::request(std::uint64_t call, std::string& to) {
  encode_lease_keep_alive(leases_[call % leases_.size()].id, to);
}

std::string renewal_source::judge(std::uint64_t call, std::string_view answer, instant, instant) {
  const auto* lease = decoder_.lease_keep_alive(answer);
  if (lease == nullptr || lease->id != leases_[call % leases_.size()].id)
    return "a renewal was answered with another lease";
  return lease->ttl_seconds > 0 ? "" : "a lease ended although it was renewed";
}

attach_source::attach_source(key_space space, const std::vector<granted_lease>& leases)
    : space_{std::move(space)}, leases_{leases} {}

const char* attach_source::path() const {
  return put_path;
}

void attach_source::request(std::uint64_t call, std::string& to) {
  encode_put(space_.key(call), "", leases_[call].id, to);
}

std::string attach_source::judge(std::uint64_t, std::string_view, instant, instant) {
  return {};
}

} // namespace troupe::bench
