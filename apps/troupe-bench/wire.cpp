#include "apps/troupe-bench/wire.hpp"

#include "messages/proto/rpc.pb.h"

namespace troupe::bench {

namespace {

using namespace etcdserverpb;

template <class Message>
bool parse(Message& to, std::string_view bytes) {
  return to.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

} // namespace

void encode_put(std::string_view key, std::string_view value, std::int64_t lease, std::string& to) {
  static thread_local PutRequest request;
  request.set_key(key.data(), key.size());
  request.set_value(value.data(), value.size());
  request.set_lease(lease);
  request.SerializeToString(&to);
}

void encode_range(std::string_view key, std::string_view range_end, std::uint64_t limit,
                  bool serializable, std::string& to) {
  static thread_local RangeRequest request;
  request.set_key(key.data(), key.size());
  request.set_range_end(range_end.data(), range_end.size());
  request.set_limit(static_cast<std::int64_t>(limit));
  request.set_serializable(serializable);
  request.SerializeToString(&to);
}

void encode_watch_create(std::string_view key, std::string_view range_end, std::int64_t watch_id,
                         std::string& to) {
  static thread_local WatchRequest request;
  auto& create = *request.mutable_create_request();
  create.set_key(key.data(), key.size());
  create.set_range_end(range_end.data(), range_end.size());
  create.set_watch_id(watch_id);
  request.SerializeToString(&to);
}

void encode_lease_grant(std::uint64_t ttl_seconds, std::string& to) {
  LeaseGrantRequest request;
  request.set_ttl(static_cast<std::int64_t>(ttl_seconds));
  request.SerializeToString(&to);
}

void encode_lease_keep_alive(std::int64_t id, std::string& to) {
  LeaseKeepAliveRequest request;
  request.set_id(id);
  request.SerializeToString(&to);
}

void encode_lease_leases(std::string& to) {
  LeaseLeasesRequest{}.SerializeToString(&to);
}

struct decoder::messages {
  RangeResponse range;
  LeaseGrantResponse grant;
  LeaseKeepAliveResponse keep_alive;
  LeaseLeasesResponse leases;
  WatchResponse watch;

  range_answer range_seen;
  lease_answer lease_seen;
  std::vector<std::int64_t> leases_seen;
  watch_answer watch_seen;
};

decoder::decoder() : messages_{std::make_unique<messages>()} {}

decoder::~decoder() = default;

const range_answer* decoder::range(std::string_view bytes) {
  auto& message = messages_->range;
  auto& seen = messages_->range_seen;
  if (!parse(message, bytes))
    return nullptr;
  seen.kvs.clear();
  for (const auto& each : message.kvs())
    seen.kvs.push_back({each.key(), each.value()});
  return &seen;
}

const lease_answer* decoder::lease_grant(std::string_view bytes) {
  auto& message = messages_->grant;
  if (!parse(message, bytes))
    return nullptr;
  messages_->lease_seen = {.id = message.id(), .ttl_seconds = message.ttl()};
  return &messages_->lease_seen;
}

const lease_answer* decoder::lease_keep_alive(std::string_view bytes) {
  auto& message = messages_->keep_alive;
  if (!parse(message, bytes))
    return nullptr;
  messages_->lease_seen = {.id = message.id(), .ttl_seconds = message.ttl()};
  return &messages_->lease_seen;
}

const std::vector<std::int64_t>* decoder::lease_leases(std::string_view bytes) {
  auto& message = messages_->leases;
  auto& seen = messages_->leases_seen;
  if (!parse(message, bytes))
    return nullptr;
  seen.clear();
  for (const auto& each : message.leases())
    seen.push_back(each.id());
  return &seen;
}

const watch_answer* decoder::watch(std::string_view bytes) {
  auto& message = messages_->watch;
  auto& seen = messages_->watch_seen;
  if (!parse(message, bytes))
    return nullptr;
  seen.watch_id = message.watch_id();
  seen.created = message.created();
  seen.canceled = message.canceled();
  seen.cancel_reason = message.cancel_reason();
  seen.events.clear();
  for (const auto& each : message.events())
    seen.events.push_back({.key = each.kv().key(),
                           .mod_revision = each.kv().mod_revision(),
                           .deleted = each.type() == mvccpb::Event::DELETE});
  return &seen;
}

} // namespace troupe::bench
