#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/go_json.hpp"
#include "apps/troupectl/printers/printers.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <ostream>

namespace troupe::ctl {

namespace {

using google::protobuf::Message;

template <class List, class Print>
std::string list(const List& all, Print print) {
  std::string out;
  for (const auto& one : all)
    out += (out.empty() ? "" : ",") + print(one);
  return "[" + out + "]";
}

/// What Go prints for a slice that was never made.
template <class List, class Print>
std::string list_or_null(const List& all, Print print) {
  return all.empty() ? "null" : list(all, print);
}

/// Most answers are the struct of the message; those of leases and watches are structs that Go's
/// client makes of it, which are spelled out here.
class json_printer : public refusing_printer {
public:
  json_printer(print_options options, std::ostream& out)
      : refusing_printer("json"), options_(options), out_(out) {}

  void put(const pb::PutResponse& response) override {
    print(response);
  }
  void get(const pb::RangeResponse& response) override {
    print(response);
  }
  void del(const pb::DeleteRangeResponse& response) override {
    print(response);
  }
  void txn(const pb::TxnResponse& response) override {
    print(response);
  }

  // Without a header: what Go's client makes up at the end of a stream, with no list of events.
  void watch(const pb::WatchResponse& response) override {
    auto word = [](bool value) { return value ? "true" : "false"; };
    auto event = [&](const Message& one) { return go::json(one, options_.bytes); };
    out_ << "{\"Header\":" << go::json(response.header())
         << ",\"Events\":" << (response.has_header() ? list(response.events(), event) : "null")
         << ",\"CompactRevision\":" << response.compact_revision()
         << ",\"Canceled\":" << word(response.canceled())
         << ",\"Created\":" << word(response.created()) << "}\n";
  }

  void grant(const pb::LeaseGrantResponse& response) override {
    out_ << embedded(response.header()) << "\"ID\":" << response.id()
         << ",\"TTL\":" << response.ttl() << ",\"Error\":" << go::json_string(response.error())
         << "}\n";
  }

  void revoke(std::int64_t, const pb::LeaseRevokeResponse& response) override {
    print(response);
  }

  void keep_alive(const pb::LeaseKeepAliveResponse& response) override {
    out_ << embedded(response.header()) << "\"ID\":" << response.id()
         << ",\"TTL\":" << response.ttl() << "}\n";
  }

  void time_to_live(const pb::LeaseTimeToLiveResponse& response, bool) override {
    auto key = [&](const std::string& bytes) { return go::json_bytes(bytes, options_.bytes); };
    out_ << embedded(response.header()) << "\"id\":" << response.id()
         << ",\"ttl\":" << response.ttl() << ",\"granted-ttl\":" << response.grantedttl()
         << ",\"keys\":" << list_or_null(response.keys(), key) << "}\n";
  }

  void leases(const pb::LeaseLeasesResponse& response) override {
    auto lease = [](const pb::LeaseStatus& one) {
      return "{\"id\":" + std::to_string(one.id()) + "}";
    };
    out_ << embedded(response.header()) << "\"leases\":" << list(response.leases(), lease) << "}\n";
  }

  void member_add(const pb::MemberAddResponse& response) override {
    print(response);
  }
  void member_remove(std::uint64_t, const pb::MemberRemoveResponse& response) override {
    print(response);
  }
  void member_update(std::uint64_t, const pb::MemberUpdateResponse& response) override {
    print(response);
  }
  void member_promote(std::uint64_t, const pb::MemberPromoteResponse& response) override {
    print(response);
  }

  void member_list(const pb::MemberListResponse& response) override {
    if (options_.hex)
      hex_member_list(response);
    else
      print(response);
  }

  void health(const std::vector<endpoint_health>& all) override {
    auto one_health = [](const endpoint_health& one) {
      auto out = "{\"endpoint\":" + go::json_string(one.endpoint) + ",\"health\":"
                 + (one.healthy ? "true" : "false") + ",\"took\":" + go::json_string(one.took);
      return out + (one.error.empty() ? "}" : ",\"error\":" + go::json_string(one.error) + "}");
    };
    out_ << list_or_null(all, one_health) << '\n';
  }

  void status(const std::vector<endpoint_status>& all) override {
    per_endpoint(all, "Status");
  }
  void hash(const std::vector<endpoint_hash>& all) override {
    per_endpoint(all, "HashKV");
  }
  void snapshot(const snapshot_status& one) override {
    out_ << "{\"hash\":" << one.hash << ",\"revision\":" << one.revision
         << ",\"totalKey\":" << one.total_keys << ",\"totalSize\":" << one.total_bytes
         << ",\"version\":" << go::json_string(one.version) << "}\n";
  }
  void alarms(const pb::AlarmResponse& response) override {
    print(response);
  }

  void move_leader(std::uint64_t, std::uint64_t, const pb::MoveLeaderResponse& response) override {
    print(response);
  }

private:
  void print(const Message& message) {
    out_ << go::json(message, options_.bytes) << '\n';
  }

  /// The start of an object that has the header's fields as its own.
  static std::string embedded(const pb::ResponseHeader& header) {
    auto fields = go::json_fields(header);
    return fields.empty() ? "{" : "{" + fields + ",";
  }

  template <class List>
  void per_endpoint(const List& all, std::string_view name) {
    auto one_endpoint = [&](const auto& one) {
      return "{\"Endpoint\":" + go::json_string(one.endpoint) + ",\"" + std::string{name}
             + "\":" + go::json(one.response) + "}";
    };
    out_ << list_or_null(all, one_endpoint) << '\n';
  }

  // --hex changes only this answer; etcdctl leaves learners and the order of fields to chance here.
  void hex_member_list(const pb::MemberListResponse& response) {
    auto url = [](const std::string& one) { return go::json_string(one); };
    auto member = [&](const pb::Member& one) {
      return "{\"ID\":\"" + go::hex(one.id()) + "\",\"name\":\""
             + (options_.safe ? safe_line(one.name()) : one.name())
             + "\",\"peerURLs\":" + list_or_null(one.peerurls(), url)
             + ",\"clientURLs\":" + list_or_null(one.clienturls(), url) + "}";
    };
    out_ << "{\"header\":{\"cluster_id\":\"" << go::hex(response.header().cluster_id())
         << "\",\"member_id\":\"" << go::hex(response.header().member_id())
         << "\",\"raft_term\":" << response.header().raft_term() << '}';
    if (!response.members().empty())
      out_ << ",\"members\":" << list(response.members(), member);
    out_ << "}\n";
  }

  print_options options_;
  std::ostream& out_;
};

} // namespace

std::unique_ptr<printer> make_json_printer(print_options options, std::ostream& out) {
  return std::make_unique<json_printer>(options, out);
}

} // namespace troupe::ctl
