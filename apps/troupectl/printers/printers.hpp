#pragma once

#include "apps/troupectl/printer.hpp"

/// What the formats are made of.
namespace troupe::ctl {

std::unique_ptr<printer> make_simple_printer(print_options options, std::ostream& out,
                                             std::ostream& err);
std::unique_ptr<printer> make_fields_printer(print_options options, std::ostream& out);
std::unique_ptr<printer> make_json_printer(print_options options, std::ostream& out);
std::unique_ptr<printer> make_table_printer(print_options options, std::ostream& out);
std::unique_ptr<printer> make_protobuf_printer(std::ostream& out);

/// Refuses everything: the base of formats that have only some answers.
class refusing_printer : public printer {
public:
  explicit refusing_printer(std::string_view format) : format_(format) {}

  void put(const pb::PutResponse&) override;
  void get(const pb::RangeResponse&) override;
  void del(const pb::DeleteRangeResponse&) override;
  void txn(const pb::TxnResponse&) override;
  void watch(const pb::WatchResponse&) override;
  void grant(const pb::LeaseGrantResponse&) override;
  void revoke(std::int64_t, const pb::LeaseRevokeResponse&) override;
  void keep_alive(const pb::LeaseKeepAliveResponse&) override;
  void time_to_live(const pb::LeaseTimeToLiveResponse&, bool) override;
  void leases(const pb::LeaseLeasesResponse&) override;
  void member_add(const pb::MemberAddResponse&) override;
  void member_remove(std::uint64_t, const pb::MemberRemoveResponse&) override;
  void member_update(std::uint64_t, const pb::MemberUpdateResponse&) override;
  void member_promote(std::uint64_t, const pb::MemberPromoteResponse&) override;
  void member_list(const pb::MemberListResponse&) override;
  void health(const std::vector<endpoint_health>&) override;
  void status(const std::vector<endpoint_status>&) override;
  void hash(const std::vector<endpoint_hash>&) override;
  void alarms(const pb::AlarmResponse&) override;
  void move_leader(std::uint64_t, std::uint64_t, const pb::MoveLeaderResponse&) override;
  void snapshot(const snapshot_status&) override;

private:
  [[noreturn]] void refuse() const;

  std::string_view format_;
};

/// A heading and rows of as many cells: `table` frames them, `simple` joins the cells with ", ".
struct rows {
  std::vector<std::string> heading;
  std::vector<std::vector<std::string>> lines;
};

rows rows_of(const pb::MemberListResponse& response);
rows rows_of(const std::vector<endpoint_health>& all);
rows rows_of(const std::vector<endpoint_status>& all);
rows rows_of(const std::vector<endpoint_hash>& all);
rows rows_of(const snapshot_status& one);

std::string joined(const std::vector<std::string>& parts, std::string_view separator);

} // namespace troupe::ctl
