#pragma once

#include "apps/troupectl/calls.hpp"

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Answers as text: one class per `--write-out`, all writing exactly what etcdctl does.
namespace troupe::ctl {

/// What `endpoint health` found out about one endpoint.
struct endpoint_health {
  std::string endpoint;
  bool healthy = false;
  std::string took; // Go's form of a duration
  std::string error;
};

template <class Response>
struct of_endpoint {
  std::string endpoint;
  Response response;
};
using endpoint_status = of_endpoint<pb::StatusResponse>;
using endpoint_hash = of_endpoint<pb::HashKVResponse>;

/// What `snapshot status` found in a file.
struct snapshot_status {
  std::uint32_t hash = 0;
  std::int64_t revision = 0;
  std::uint64_t total_keys = 0;
  std::uint64_t total_bytes = 0;
  std::string version;
};

class printer {
public:
  virtual ~printer() = default;

  virtual void put(const pb::PutResponse&) = 0;
  virtual void get(const pb::RangeResponse&) = 0;
  virtual void del(const pb::DeleteRangeResponse&) = 0;
  virtual void txn(const pb::TxnResponse&) = 0;
  virtual void watch(const pb::WatchResponse&) = 0;

  virtual void grant(const pb::LeaseGrantResponse&) = 0;
  virtual void revoke(std::int64_t lease, const pb::LeaseRevokeResponse&) = 0;
  virtual void keep_alive(const pb::LeaseKeepAliveResponse&) = 0;
  /// `keys`: they were asked for.
  virtual void time_to_live(const pb::LeaseTimeToLiveResponse&, bool keys) = 0;
  virtual void leases(const pb::LeaseLeasesResponse&) = 0;

  virtual void member_add(const pb::MemberAddResponse&) = 0;
  virtual void member_remove(std::uint64_t member, const pb::MemberRemoveResponse&) = 0;
  virtual void member_update(std::uint64_t member, const pb::MemberUpdateResponse&) = 0;
  virtual void member_promote(std::uint64_t member, const pb::MemberPromoteResponse&) = 0;
  virtual void member_list(const pb::MemberListResponse&) = 0;

  virtual void health(const std::vector<endpoint_health>&) = 0;
  virtual void status(const std::vector<endpoint_status>&) = 0;
  virtual void hash(const std::vector<endpoint_hash>&) = 0;
  virtual void alarms(const pb::AlarmResponse&) = 0;
  virtual void move_leader(std::uint64_t from, std::uint64_t to, const pb::MoveLeaderResponse&) = 0;
  virtual void snapshot(const snapshot_status&) = 0;
};

/// Keys and values in JSON.
enum class bytes_form : std::uint8_t {
  base64,   // a string in base64, as etcdctl has it
  readable, // text as it is, in UTF-8; anything else as {"base64":"..."}
};

struct print_options {
  bool hex = false;         // bytes as \x.. (simple), ids in base 16 (json and fields, in places)
  bool value_only = false;  // simple: no keys
  bool safe = false;        // for people: escaped what a terminal would take for more than text
  bool safe_errors = false; // the same for what goes to standard error
  bytes_form bytes = bytes_form::base64;
};

/// `format` is a value of --write-out; null if there is no such format. Warnings, and what
/// etcdctl writes to standard error within an answer, go to `err`. What a format does not have
/// throws command_failed.
std::unique_ptr<printer> make_printer(std::string_view format, print_options options,
                                      std::ostream& out, std::ostream& err);

} // namespace troupe::ctl
