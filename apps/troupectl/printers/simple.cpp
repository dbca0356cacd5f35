#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/printers.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <iomanip>
#include <ostream>

namespace troupe::ctl {

namespace {

/// Go's %16x: blanks in front, as `member add` and its like have it.
std::string padded_hex(std::uint64_t id) {
  auto digits = go::hex(id);
  return digits.size() < 16 ? digits.insert(0, 16 - digits.size(), ' ') : digits;
}

class simple_printer : public printer {
public:
  simple_printer(print_options options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {}

  void put(const pb::PutResponse& response) override {
    out_ << "OK\n";
    if (response.has_prev_kv())
      pair(response.prev_kv());
  }

  void get(const pb::RangeResponse& response) override {
    for (const auto& kv : response.kvs())
      pair(kv);
  }

  void del(const pb::DeleteRangeResponse& response) override {
    out_ << response.deleted() << '\n';
    for (const auto& kv : response.prev_kvs())
      pair(kv);
  }

  void txn(const pb::TxnResponse& response) override {
    out_ << (response.succeeded() ? "SUCCESS\n" : "FAILURE\n");
    for (const auto& one : response.responses()) {
      out_ << '\n';
      if (one.has_response_put())
        put(one.response_put());
      else if (one.has_response_range())
        get(one.response_range());
      else if (one.has_response_delete_range())
        del(one.response_delete_range());
    }
  }

  void watch(const pb::WatchResponse& response) override {
    for (const auto& event : response.events()) {
      out_ << mvccpb::Event::EventType_Name(event.type()) << '\n';
      if (event.has_prev_kv())
        pair(event.prev_kv());
      pair(event.kv());
    }
  }

  void grant(const pb::LeaseGrantResponse& response) override {
    out_ << "lease " << go::hex(response.id(), 16) << " granted with TTL(" << response.ttl()
         << "s)\n";
  }

  void revoke(std::int64_t lease, const pb::LeaseRevokeResponse&) override {
    out_ << "lease " << go::hex(lease, 16) << " revoked\n";
  }

  void keep_alive(const pb::LeaseKeepAliveResponse& response) override {
    out_ << "lease " << go::hex(response.id(), 16) << " keepalived with TTL(" << response.ttl()
         << ")\n";
  }

  void time_to_live(const pb::LeaseTimeToLiveResponse& response, bool keys) override {
    out_ << "lease " << go::hex(response.id(), 16);
    if (response.grantedttl() == 0 && response.ttl() == -1) {
      out_ << " already expired\n";
      return;
    }
    out_ << " granted with TTL(" << response.grantedttl() << "s), remaining(" << response.ttl()
         << "s)";
    if (keys) {
      std::vector<std::string> attached;
      for (const auto& one : response.keys())
        attached.push_back(shown(one));
      out_ << ", attached keys([" << joined(attached, " ") << "])";
    }
    out_ << '\n';
  }

  void leases(const pb::LeaseLeasesResponse& response) override {
    out_ << "found " << response.leases_size() << " leases\n";
    for (const auto& one : response.leases())
      out_ << go::hex(one.id(), 16) << '\n';
  }

  void member_add(const pb::MemberAddResponse& response) override {
    out_ << "Member " << padded_hex(response.member().id()) << " added"
         << (response.member().islearner() ? " as learner " : " ") << "to cluster "
         << padded_hex(response.header().cluster_id()) << '\n';
  }

  void member_remove(std::uint64_t member, const pb::MemberRemoveResponse& response) override {
    changed(member, " removed from cluster ", response.header());
  }

  void member_update(std::uint64_t member, const pb::MemberUpdateResponse& response) override {
    changed(member, " updated in cluster ", response.header());
  }

  void member_promote(std::uint64_t member, const pb::MemberPromoteResponse& response) override {
    changed(member, " promoted in cluster ", response.header());
  }

  void member_list(const pb::MemberListResponse& response) override {
    lines(rows_of(response));
  }

  void health(const std::vector<endpoint_health>& all) override {
    for (const auto& one : all) {
      if (one.error.empty())
        out_ << one.endpoint << " is healthy: successfully committed proposal: took = " << one.took
             << '\n';
      else
        err_ << one.endpoint << " is unhealthy: failed to commit proposal: "
             << safe_text_if(options_.safe_errors, one.error) << '\n';
    }
  }

  void status(const std::vector<endpoint_status>& all) override {
    lines(rows_of(all));
  }

  void hash(const std::vector<endpoint_hash>& all) override {
    lines(rows_of(all));
  }

  void snapshot(const snapshot_status& one) override {
    lines(rows_of(one));
  }

  // As the generated String of Go's protobuf: fields that are not 0, each with a blank behind it.
  void alarms(const pb::AlarmResponse& response) override {
    for (const auto& one : response.alarms()) {
      if (one.memberid() != 0)
        out_ << "memberID:" << one.memberid() << ' ';
      if (one.alarm() != pb::NONE)
        out_ << "alarm:" << pb::AlarmType_Name(one.alarm()) << ' ';
      out_ << '\n';
    }
  }

  void move_leader(std::uint64_t from, std::uint64_t to, const pb::MoveLeaderResponse&) override {
    out_ << "Leadership transferred from " << go::hex(from) << " to " << go::hex(to) << '\n';
  }

private:
  void pair(const mvccpb::KeyValue& kv) {
    if (!options_.value_only)
      out_ << (options_.hex ? go::escaped_hex(kv.key()) : shown(kv.key())) << '\n';
    if (options_.hex)
      out_ << go::escaped_hex(kv.value()) << '\n';
    else
      out_ << (options_.safe ? safe_text(kv.value()) : kv.value()) << '\n';
  }

  /// In one line.
  std::string shown(const std::string& bytes) const {
    return options_.safe ? safe_line(bytes) : bytes;
  }

  void changed(std::uint64_t member, std::string_view how, const pb::ResponseHeader& header) {
    out_ << "Member " << padded_hex(member) << how << padded_hex(header.cluster_id()) << '\n';
  }

  void lines(const rows& all) {
    for (const auto& line : all.lines)
      out_ << shown(joined(line, ", ")) << '\n';
  }

  print_options options_;
  std::ostream& out_;
  std::ostream& err_;
};

} // namespace

std::unique_ptr<printer> make_simple_printer(print_options options, std::ostream& out,
                                             std::ostream& err) {
  return std::make_unique<simple_printer>(options, out, err);
}

} // namespace troupe::ctl
