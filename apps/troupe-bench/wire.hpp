#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// The messages of etcd's API as far as a load needs them. Only wire.cpp sees the generated code.
namespace troupe::bench {

constexpr const char* put_path = "/etcdserverpb.KV/Put";
constexpr const char* range_path = "/etcdserverpb.KV/Range";
constexpr const char* watch_path = "/etcdserverpb.Watch/Watch";
constexpr const char* lease_grant_path = "/etcdserverpb.Lease/LeaseGrant";
constexpr const char* lease_keep_alive_path = "/etcdserverpb.Lease/LeaseKeepAlive";
constexpr const char* lease_leases_path = "/etcdserverpb.Lease/LeaseLeases";

// Each replaces the content of `to`.
void encode_put(std::string_view key, std::string_view value, std::int64_t lease, std::string& to);
/// `range_end` empty: one key. `limit` 0: none.
void encode_range(std::string_view key, std::string_view range_end, std::uint64_t limit,
                  bool serializable, std::string& to);
void encode_watch_create(std::string_view key, std::string_view range_end, std::int64_t watch_id,
                         std::string& to);
/// The server chooses the id.
void encode_lease_grant(std::uint64_t ttl_seconds, std::string& to);
void encode_lease_keep_alive(std::int64_t id, std::string& to);
void encode_lease_leases(std::string& to);

struct key_value {
  std::string_view key, value;
};

struct range_answer {
  std::vector<key_value> kvs;
};

/// Of a grant or a renewal.
struct lease_answer {
  std::int64_t id = 0;
  std::int64_t ttl_seconds = 0; // 0 in a renewal: no such lease
};

struct watch_event {
  std::string_view key;
  std::int64_t mod_revision = 0;
  bool deleted = false;
};

struct watch_answer {
  std::int64_t watch_id = 0;
  bool created = false;
  bool canceled = false;
  std::string_view cancel_reason;
  std::vector<watch_event> events;
};

/// Reads answers into messages that it uses again, so that an event costs no allocation. What it
/// returns is valid until the next call.
class decoder {
public:
  decoder();
  ~decoder();
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  // Null if the bytes are no such message.
  const range_answer* range(std::string_view bytes);
  const lease_answer* lease_grant(std::string_view bytes);
  const lease_answer* lease_keep_alive(std::string_view bytes);
  const std::vector<std::int64_t>* lease_leases(std::string_view bytes);
  const watch_answer* watch(std::string_view bytes);

private:
  struct messages;
  std::unique_ptr<messages> messages_;
};

} // namespace troupe::bench
