#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/printers.hpp"

namespace troupe::ctl {

namespace {

std::string yes_no(bool value) {
  return value ? "true" : "false";
}

template <class List>
std::string joined_list(const List& list, std::string_view separator) {
  return joined({list.begin(), list.end()}, separator);
}

/// Of the file, in percent; 0 for a server that tells no size.
std::string unused_share(std::int64_t used, std::int64_t size) {
  return std::to_string(size == 0 ? 0 : 100 - used * 100 / size) + "%";
}

} // namespace

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    if (&part != &parts.front())
      out += separator;
    out += part;
  }
  return out;
}

rows rows_of(const pb::MemberListResponse& response) {
  rows result{{"ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"}, {}};
  for (const auto& one : response.members())
    result.lines.push_back({go::hex(one.id()), one.name().empty() ? "unstarted" : "started",
                            one.name(), joined_list(one.peerurls(), ","),
                            joined_list(one.clienturls(), ","), yes_no(one.islearner())});
  return result;
}

rows rows_of(const std::vector<endpoint_health>& all) {
  rows result{{"endpoint", "health", "took", "error"}, {}};
  for (const auto& one : all)
    result.lines.push_back({one.endpoint, yes_no(one.healthy), one.took, one.error});
  return result;
}

rows rows_of(const std::vector<endpoint_status>& all) {
  rows result{{"endpoint", "ID", "version", "storage version", "db size", "in use",
               "percentage not in use", "quota", "is leader", "is learner", "raft term",
               "raft index", "raft applied index", "errors", "downgrade target version",
               "downgrade enabled"},
              {}};
  for (const auto& [endpoint, got] : all)
    result.lines.push_back(
      {endpoint, go::hex(got.header().member_id()), got.version(), got.storageversion(),
       go::human_bytes(got.dbsize()), go::human_bytes(got.dbsizeinuse()),
       unused_share(got.dbsizeinuse(), got.dbsize()), go::human_bytes(got.dbsizequota()),
       yes_no(got.leader() == got.header().member_id()), yes_no(got.islearner()),
       std::to_string(got.raftterm()), std::to_string(got.raftindex()),
       std::to_string(got.raftappliedindex()), joined_list(got.errors(), ", "),
       got.downgradeinfo().targetversion(), yes_no(got.downgradeinfo().enabled())});
  return result;
}

rows rows_of(const std::vector<endpoint_hash>& all) {
  rows result{{"endpoint", "hash", "hash_revision"}, {}};
  for (const auto& [endpoint, got] : all)
    result.lines.push_back(
      {endpoint, std::to_string(got.hash()), std::to_string(got.hash_revision())});
  return result;
}

rows rows_of(const snapshot_status& one) {
  return {{"hash", "revision", "total keys", "total size", "version"},
          {{go::hex(one.hash), std::to_string(one.revision), std::to_string(one.total_keys),
            go::human_bytes(one.total_bytes), one.version}}};
}

void refusing_printer::refuse() const {
  throw command_failed(exit_bad_feature, std::string{format_} + " not supported as output format");
}

void refusing_printer::put(const pb::PutResponse&) {
  refuse();
}
void refusing_printer::get(const pb::RangeResponse&) {
  refuse();
}
void refusing_printer::del(const pb::DeleteRangeResponse&) {
  refuse();
}
void refusing_printer::txn(const pb::TxnResponse&) {
  refuse();
}
void refusing_printer::watch(const pb::WatchResponse&) {
  refuse();
}
void refusing_printer::grant(const pb::LeaseGrantResponse&) {
  refuse();
}
void refusing_printer::revoke(std::int64_t, const pb::LeaseRevokeResponse&) {
  refuse();
}
void refusing_printer::keep_alive(const pb::LeaseKeepAliveResponse&) {
  refuse();
}
void refusing_printer::time_to_live(const pb::LeaseTimeToLiveResponse&, bool) {
  refuse();
}
void refusing_printer::leases(const pb::LeaseLeasesResponse&) {
  refuse();
}
void refusing_printer::member_add(const pb::MemberAddResponse&) {
  refuse();
}
void refusing_printer::member_remove(std::uint64_t, const pb::MemberRemoveResponse&) {
  refuse();
}
void refusing_printer::member_update(std::uint64_t, const pb::MemberUpdateResponse&) {
  refuse();
}
void refusing_printer::member_promote(std::uint64_t, const pb::MemberPromoteResponse&) {
  refuse();
}
void refusing_printer::member_list(const pb::MemberListResponse&) {
  refuse();
}
void refusing_printer::health(const std::vector<endpoint_health>&) {
  refuse();
}
void refusing_printer::status(const std::vector<endpoint_status>&) {
  refuse();
}
void refusing_printer::hash(const std::vector<endpoint_hash>&) {
  refuse();
}
void refusing_printer::alarms(const pb::AlarmResponse&) {
  refuse();
}
void refusing_printer::move_leader(std::uint64_t, std::uint64_t, const pb::MoveLeaderResponse&) {
  refuse();
}

void refusing_printer::snapshot(const snapshot_status&) {
  refuse();
}

std::unique_ptr<printer> make_printer(std::string_view format, print_options options,
                                      std::ostream& out, std::ostream& err) {
  if (format == "simple")
    return make_simple_printer(options, out, err);
  if (format == "fields")
    return make_fields_printer(options, out);
  if (format == "json")
    return make_json_printer(options, out);
  if (format == "protobuf")
    return make_protobuf_printer(out);
  if (format == "table")
    return make_table_printer(options, out);
  return nullptr;
}

} // namespace troupe::ctl
