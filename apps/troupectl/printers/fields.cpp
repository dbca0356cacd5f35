#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/printers.hpp"

#include <ostream>

namespace troupe::ctl {

namespace {

const char* word(bool value) {
  return value ? "true" : "false";
}

/// `"Name" : value`, one per line.
class fields_printer : public refusing_printer {
public:
  fields_printer(print_options options, std::ostream& out)
      : refusing_printer("fields"), options_(options), out_(out) {}

  void put(const pb::PutResponse& response) override {
    header(response.header());
    if (response.has_prev_kv())
      pair("Prev", response.prev_kv());
  }

  void get(const pb::RangeResponse& response) override {
    header(response.header());
    for (const auto& kv : response.kvs())
      pair("", kv);
    field("More", word(response.more()));
    field("Count", response.count());
  }

  void del(const pb::DeleteRangeResponse& response) override {
    header(response.header());
    field("Deleted", response.deleted());
    for (const auto& kv : response.prev_kvs())
      pair("Prev", kv);
  }

  void txn(const pb::TxnResponse& response) override {
    header(response.header());
    field("Succeeded", word(response.succeeded()));
    for (const auto& one : response.responses()) {
      if (one.has_response_put())
        put(one.response_put());
      else if (one.has_response_range())
        get(one.response_range());
      else if (one.has_response_delete_range())
        del(one.response_delete_range());
    }
  }

  void watch(const pb::WatchResponse& response) override {
    header(response.header());
    for (const auto& event : response.events()) {
      field("Type", mvccpb::Event::EventType_Name(event.type()));
      if (event.has_prev_kv())
        pair("Prev", event.prev_kv());
      pair("", event.kv());
    }
  }

  void grant(const pb::LeaseGrantResponse& response) override {
    header(response.header());
    lease("ID", response.id());
    field("TTL", response.ttl());
  }

  void revoke(std::int64_t, const pb::LeaseRevokeResponse& response) override {
    header(response.header());
  }

  void keep_alive(const pb::LeaseKeepAliveResponse& response) override {
    header(response.header());
    lease("ID", response.id());
    field("TTL", response.ttl());
  }

  void time_to_live(const pb::LeaseTimeToLiveResponse& response, bool) override {
    header(response.header());
    lease("ID", response.id());
    field("TTL", response.ttl());
    field("GrantedTTL", response.grantedttl());
    for (const auto& key : response.keys())
      field("Key", go::quote(key));
  }

  void leases(const pb::LeaseLeasesResponse& response) override {
    header(response.header());
    for (const auto& one : response.leases())
      lease("ID", one.id());
  }

  void member_list(const pb::MemberListResponse& response) override {
    header(response.header());
    for (const auto& one : response.members()) {
      id("ID", one.id());
      field("Name", go::quote(one.name()));
      for (const auto& url : one.peerurls())
        field("PeerURL", go::quote(url));
      for (const auto& url : one.clienturls())
        field("ClientURL", go::quote(url));
      field("IsLearner", word(one.islearner()));
      out_ << '\n';
    }
  }

  void health(const std::vector<endpoint_health>& all) override {
    for (const auto& one : all) {
      field("Endpoint", go::quote(one.endpoint));
      field("Health", word(one.healthy));
      field("Took", one.took);
      field("Error", one.error);
      out_ << '\n';
    }
  }

  void status(const std::vector<endpoint_status>& all) override {
    for (const auto& [endpoint, got] : all) {
      header(got.header());
      field("Version", go::quote(got.version()));
      field("StorageVersion", go::quote(got.storageversion()));
      field("DBSize", got.dbsize());
      field("DBSizeInUse", got.dbsizeinuse());
      field("DBSizeQuota", got.dbsizequota());
      field("Leader", got.leader());
      field("IsLearner", word(got.islearner()));
      field("RaftIndex", got.raftindex());
      field("RaftTerm", got.raftterm());
      field("RaftAppliedIndex", got.raftappliedindex());
      field("Errors", "[" + joined({got.errors().begin(), got.errors().end()}, " ") + "]");
      field("Endpoint", go::quote(endpoint));
      field("DowngradeTargetVersion", go::quote(got.downgradeinfo().targetversion()));
      field("DowngradeEnabled", word(got.downgradeinfo().enabled()));
      out_ << '\n';
    }
  }

  void hash(const std::vector<endpoint_hash>& all) override {
    for (const auto& [endpoint, got] : all) {
      header(got.header());
      field("Endpoint", go::quote(endpoint));
      field("Hash", got.hash());
      field("HashRevision", got.hash_revision());
      out_ << '\n';
    }
  }

  void snapshot(const snapshot_status& one) override {
    field("Hash", one.hash);
    field("Revision", one.revision);
    field("Keys", one.total_keys);
    field("Size", one.total_bytes);
    field("Version", one.version);
  }

  void alarms(const pb::AlarmResponse& response) override {
    header(response.header());
    for (const auto& one : response.alarms()) {
      id("MemberID", one.memberid());
      field("AlarmType", pb::AlarmType_Name(one.alarm()));
      out_ << '\n';
    }
  }

private:
  template <class Value>
  void field(std::string_view name, const Value& value) {
    out_ << '"' << name << "\" : " << value << '\n';
  }

  void id(std::string_view name, std::uint64_t value) {
    field(name, options_.hex ? go::hex(value) : std::to_string(value));
  }

  void lease(std::string_view name, std::int64_t value) {
    field(name, options_.hex ? go::hex(value, 16) : std::to_string(value));
  }

  // A revision of 0 is one that the call does not have.
  void header(const pb::ResponseHeader& header) {
    id("ClusterID", header.cluster_id());
    id("MemberID", header.member_id());
    if (header.revision() > 0)
      field("Revision", header.revision());
    field("RaftTerm", header.raft_term());
  }

  void pair(const std::string& prefix, const mvccpb::KeyValue& kv) {
    field(prefix + "Key", go::quote(kv.key()));
    field(prefix + "CreateRevision", kv.create_revision());
    field(prefix + "ModRevision", kv.mod_revision());
    field(prefix + "Version", kv.version());
    field(prefix + "Value", go::quote(kv.value()));
    lease(prefix + "Lease", kv.lease());
  }

  print_options options_;
  std::ostream& out_;
};

} // namespace

std::unique_ptr<printer> make_fields_printer(print_options options, std::ostream& out) {
  return std::make_unique<fields_printer>(options, out);
}

} // namespace troupe::ctl
