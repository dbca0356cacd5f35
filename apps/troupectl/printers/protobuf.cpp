#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/printers.hpp"

#include <ostream>

namespace troupe::ctl {

namespace {

using google::protobuf::Message;

/// The bytes of the message, and nothing behind them. Of an answer about leases Go's client has
/// only the header in a form that can be encoded, so that is all that etcdctl writes.
class protobuf_printer : public refusing_printer {
public:
  explicit protobuf_printer(std::ostream& out) : refusing_printer("protobuf"), out_(out) {}

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

  void watch(const pb::WatchResponse& response) override {
    auto copy = response;
    copy.clear_watch_id();
    copy.clear_cancel_reason();
    copy.clear_fragment();
    copy.mutable_header();
    print(copy);
  }

  void grant(const pb::LeaseGrantResponse& response) override {
    print(response.header());
  }

  void revoke(std::int64_t, const pb::LeaseRevokeResponse& response) override {
    const auto& header = response.header();
    throw command_failed(exit_bad_feature,
                         "marshal unsupported for type clientv3.LeaseRevokeResponse ({cluster_id:"
                           + std::to_string(header.cluster_id())
                           + " member_id:" + std::to_string(header.member_id())
                           + " revision:" + std::to_string(header.revision())
                           + " raft_term:" + std::to_string(header.raft_term()) + "  {} [] 0})");
  }

  void keep_alive(const pb::LeaseKeepAliveResponse& response) override {
    print(response.header());
  }
  void time_to_live(const pb::LeaseTimeToLiveResponse& response, bool) override {
    print(response.header());
  }
  void leases(const pb::LeaseLeasesResponse& response) override {
    print(response.header());
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
    print(response);
  }
  void alarms(const pb::AlarmResponse& response) override {
    print(response);
  }
  void move_leader(std::uint64_t, std::uint64_t, const pb::MoveLeaderResponse& response) override {
    print(response);
  }

private:
  void print(const Message& message) {
    message.SerializeToOstream(&out_);
  }

  std::ostream& out_;
};

} // namespace

std::unique_ptr<printer> make_protobuf_printer(std::ostream& out) {
  return std::make_unique<protobuf_printer>(out);
}

} // namespace troupe::ctl
