#include "actors/service/service_core.hpp"

#include "actors/service/kv_checks.hpp"
#include "actors/service/request_parser.hpp"
#include "actors/service/rpc_table.hpp"
#include "messages/command.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

namespace troupe::service {

namespace {

/// How long a read round may stay unanswered before it is asked anew.
constexpr auto round_retry = std::chrono::milliseconds{500};

/// Reads a request and looks at it with `judge`. @param detail gets what to tell the client instead
/// of the error's own text, if anything.
template <class Request, class Judge>
errc take(Request& request, const blob& body, std::string& detail, Judge judge) {
  auto result = parse(request, body.view());
  detail = std::move(result.detail);
  return result.error == errc::none ? judge(request) : result.error;
}

/// For requests that are fine once they can be read.
errc nothing_to_refuse(const google::protobuf::MessageLite&) {
  return errc::none;
}

command_kind command_of(rpc_method method) {
  switch (method) {
  case rpc_method::kv_put:
    return command_kind::put;
  case rpc_method::kv_delete_range:
    return command_kind::delete_range;
  case rpc_method::kv_txn:
    return command_kind::txn;
  case rpc_method::kv_compact:
    return command_kind::compact;
  case rpc_method::lease_grant:
    return command_kind::lease_grant;
  case rpc_method::lease_revoke:
    return command_kind::lease_revoke;
  case rpc_method::maintenance_alarm:
    return command_kind::alarm;
  case rpc_method::maintenance_downgrade:
    return command_kind::downgrade;
  default:
    fail_invariant("only writes become commands", std::source_location::current());
  }
}

/// Whether another service takes the calls of this method, whole.
bool is_delegated(rpc_method method) {
  auto path = rule_of(method).path;
  return path == rpc_path::watch || path == rpc_path::lease || path == rpc_path::recipe;
}

/// Whether a reader holds something for the call between the parts of its answer.
bool is_read_stream(rpc_method method) {
  return rule_of(method).path == rpc_path::read && shape_of(method).server_stream;
}

/// Reads whose one answer takes long.
bool is_hash(rpc_method method) {
  return method == rpc_method::maintenance_hash || method == rpc_method::maintenance_hash_kv;
}

/// @pre is_delegated(method).
std::vector<call_event>& sink_of(rpc_method method, service_output& out) {
  switch (rule_of(method).path) {
  case rpc_path::watch:
    return out.watches;
  case rpc_path::lease:
    return out.leases;
  default:
    return out.recipes;
  }
}

} // namespace

service_core::service_core(service_limits limits, catch_up replay)
    : limits_(limits), replay_(replay), reads_(replay.applied(), replay.done()),
      last_lease_(static_cast<std::int64_t>(std::mt19937_64{limits.seed}() & INT64_MAX)),
      early_(limits.max_waiting_reads, limits.max_waiting_bytes) {}

void service_core::on(const call_batch& batch, time_point now, service_output& out) {
  for (const auto& event : batch.events)
    on(event, now, out);
  out.to_confirm = reads_.next_round(now);
  release(out);
}

void service_core::on(const call_event& event, time_point now, service_output& out) {
  if (is_delegated(event.method)) {
    delegate(event, out);
    return;
  }
  switch (event.kind) {
  case call_event::what::request:
    start(event, now, out);
    break;
  case call_event::what::open:
    out.answers.push_back(refuse_with(event.call, errc::unimplemented));
    break;
  case call_event::what::writable:
    out.stream_events.push_back({.call = event.call});
    break;
  case call_event::what::cancel:
    // A write goes on; of reads only a stream would stay behind.
    if ((is_read_stream(event.method) || is_hash(event.method)) && !reads_.forget(event.call))
      out.stream_events.push_back({.call = event.call, .cancelled = true});
    break;
  case call_event::what::message:
  case call_event::what::half_close:
    break; // follow an `open` that was refused
  }
}

// Events of a call that was refused here reach a service that does not know the call, which ignores
// them.
void service_core::delegate(const call_event& event, service_output& out) {
  bool begins = event.kind == call_event::what::request || event.kind == call_event::what::open;
  if (begins && lacks_leader(event)) {
    out.answers.push_back(refuse_with(event.call, errc::no_leader));
  } else if (replay_.done()) {
    sink_of(event.method, out).push_back(event);
  } else if (!early_.add(event)) {
    out.answers.push_back(refuse_with(event.call, errc::too_many_requests));
  }
}

void service_core::on(const read_index_reply& reply, time_point now, service_output& out) {
  for (auto& read : reads_.on(reply)) {
    // Nobody leads just now: the reads wait for the next leader as long as their time allows.
    if (reply.error == errc::not_leader || reply.error == errc::no_leader)
      reads_.add_linearizable(std::move(read));
    else
      out.answers.push_back(refuse_with(read.call.call, reply.error));
  }
  // After a refusal the next tick asks again, not this very moment.
  if (reply.error == errc::none)
    out.to_confirm = reads_.next_round(now);
  release(out);
}

void service_core::on(const applied& done, service_output& out) {
  replay_.on_applied(done.upto);
  alarms_ = done.alarms;
  if (replay_.done()) {
    for (auto& event : early_.take())
      sink_of(event.method, out).push_back(std::move(event));
  }
  reads_.on_applied(replay_.applied(), replay_.done());
  release(out);
}

void service_core::on(const raft_status& status, service_output& out) {
  bool known = status.leader != member_id{};
  bool news = known && status.leader != raft_.leader;
  raft_ = status;
  if (news && announcement_)
    out.to_propose.push_back({++counter_, entry_kind::command, *announcement_});
  while (known && !parked_.empty())
    out.to_propose.push_back(unpark());
}

void service_core::on_tick(time_point now, service_output& out) {
  for (auto& [call, reason] : reads_.expire(now, round_retry))
    out.answers.push_back(refuse_with(call, reason));
  // The applier tells who waited for them.
  while (!parked_.empty() && parked_.front().deadline <= now)
    unpark();
  out.to_confirm = reads_.next_round(now);
}

proposal service_core::unpark() {
  auto write = std::move(parked_.front().write);
  parked_.pop_front();
  parked_bytes_ -= write.payload.size();
  return write;
}

void service_core::release(service_output& out) {
  for (auto& read : reads_.take_ready())
    (read.point ? out.points : out.lists).push_back(std::move(read.call));
}

// The caller asks for a leader, and this member knows none.
bool service_core::lacks_leader(const call_event& call) const {
  return rule_of(call.method).leader_matters && call.metadata && call.metadata->require_leader
         && raft_.leader == member_id{};
}

void service_core::start(const call_event& call, time_point now, service_output& out) {
  const auto& rule = rule_of(call.method);
  if (rule.path == rpc_path::unimplemented) {
    out.answers.push_back(refuse_with(call.call, errc::unimplemented));
    return;
  }
  if (lacks_leader(call)) {
    out.answers.push_back(refuse_with(call.call, errc::no_leader));
    return;
  }
  switch (rule.path) {
  case rpc_path::proposal:
    propose(call, now, out);
    break;
  case rpc_path::either:
    start_either(call, now, out);
    break;
  case rpc_path::read:
    start_read(call, now, out);
    break;
  case rpc_path::local_read:
    start_local_read(call, now, out);
    break;
  case rpc_path::defragment:
    start_defragment(call, out);
    break;
  case rpc_path::watch:
  case rpc_path::lease:
  case rpc_path::recipe:
  case rpc_path::edge:
  case rpc_path::unimplemented:
    fail_invariant("what others serve does not come here", std::source_location::current());
  }
}

void service_core::propose(const call_event& call, time_point now, service_output& out) {
  auto verdict = errc::none;
  std::string detail;
  std::string completed;
  auto checked = [](const auto& request) { return check(request); };
  switch (call.method) {
  case rpc_method::kv_put:
    verdict = take(put_, call.body, detail, checked);
    break;
  case rpc_method::kv_delete_range:
    verdict = take(delete_range_, call.body, detail, checked);
    break;
  case rpc_method::kv_compact:
    verdict = take(compaction_, call.body, detail, nothing_to_refuse);
    break;
  case rpc_method::lease_grant:
    verdict = take_grant(call, detail, completed);
    break;
  case rpc_method::lease_revoke:
    verdict = take(revoke_, call.body, detail, nothing_to_refuse);
    break;
  default:
    break; // what may be a read too was checked on its way here
  }
  bool no_leader = raft_.leader == member_id{};
  if (verdict == errc::none && no_leader
      && (parked_.size() >= limits_.max_parked_writes
          || parked_bytes_ + call.body.size() > limits_.max_waiting_bytes))
    verdict = errc::too_many_requests;
  auto kind = command_of(call.method);
  if (verdict == errc::none)
    verdict = check_proposal_size(kind, call.body.size(), limits_.max_request_bytes);
  if (verdict == errc::none)
    verdict =
      check_alarms(alarms_, kind, kind == command_kind::txn && alarms_.no_space && can_put(txn_));
  if (verdict != errc::none) {
    out.answers.push_back(refuse_with(call.call, verdict, std::move(detail)));
    return;
  }
  ++counter_;
  auto deadline = now + limits_.request_timeout;
  out.to_await.push_back({counter_, call.call, deadline});
  auto body = completed.empty() ? call.body.view() : std::string_view{completed};
  proposal write{counter_, entry_kind::command, encode_command(kind, body)};
  if (no_leader) {
    parked_bytes_ += write.payload.size();
    parked_.push_back({std::move(write), deadline});
  } else {
    out.to_propose.push_back(std::move(write));
  }
}

/// What must be the same on every member is decided before the log. @param completed gets the
/// request to propose.
errc service_core::take_grant(const call_event& call, std::string& detail, std::string& completed) {
  auto verdict =
    take(grant_, call.body, detail, [](const auto& request) { return check(request); });
  if (grant_.id() == 0) {
    // From a start by chance upwards: the records of leases that are granted together, and as a
    // rule end together, lie next to each other in the store.
    last_lease_ = last_lease_ == INT64_MAX ? 1 : last_lease_ + 1;
    grant_.set_id(last_lease_);
  }
  grant_.set_ttl(std::max(grant_.ttl(), limits_.min_lease_seconds));
  completed = grant_.SerializeAsString();
  return verdict;
}

void service_core::start_local_read(const call_event& call, time_point now, service_output& out) {
  etcdserverpb::StatusRequest status;
  std::string detail;
  auto verdict = take(status, call.body, detail, nothing_to_refuse);
  if (verdict != errc::none)
    out.answers.push_back(refuse_with(call.call, verdict, std::move(detail)));
  else
    out.points.push_back({call.call, call.method, call.body, read_deadline(call, now)});
}

void service_core::start_defragment(const call_event& call, service_output& out) {
  etcdserverpb::DefragmentRequest request;
  std::string detail;
  auto verdict = take(request, call.body, detail, nothing_to_refuse);
  if (verdict != errc::none)
    out.answers.push_back(refuse_with(call.call, verdict, std::move(detail)));
  else
    out.to_defragment.push_back(call.call);
}

time_point service_core::read_deadline(const call_event& call, time_point now) const {
  return std::min(call.deadline, now + limits_.request_timeout);
}

void service_core::start_either(const call_event& call, time_point now, service_output& out) {
  auto verdict = errc::none;
  std::string detail;
  bool reads = false;
  auto checked = [](const auto& request) { return check(request); };
  if (call.method == rpc_method::maintenance_alarm) {
    verdict = take(alarm_, call.body, detail, checked);
    reads = alarm_.action() == etcdserverpb::AlarmRequest::GET;
  } else if (call.method == rpc_method::maintenance_downgrade) {
    verdict = take(downgrade_, call.body, detail, checked);
    reads = downgrade_.action() == etcdserverpb::DowngradeRequest::VALIDATE;
  } else {
    verdict = take(txn_, call.body, detail,
                   [this](const auto& request) { return check(request, {limits_.max_txn_ops}); });
    reads = is_read_only(txn_);
  }
  if (verdict != errc::none)
    out.answers.push_back(refuse_with(call.call, verdict, std::move(detail)));
  else if (reads)
    start_read(call, now, out);
  else
    propose(call, now, out);
}

void service_core::start_read(const call_event& call, time_point now, service_output& out) {
  auto verdict = errc::none;
  std::string detail;
  bool serializable = false;
  bool point = false;
  switch (call.method) {
  case rpc_method::kv_range:
  case rpc_method::kv_range_stream: {
    bool stream = call.method == rpc_method::kv_range_stream;
    verdict = take(range_, call.body, detail, [stream](const auto& request) {
      return stream ? check_stream(request) : check(request);
    });
    serializable = range_.serializable();
    point = !stream && range_.range_end().empty();
    break;
  }
  case rpc_method::kv_txn:
    serializable = is_serializable(txn_);
    break;
  case rpc_method::cluster_member_list: {
    etcdserverpb::MemberListRequest list;
    verdict = take(list, call.body, detail, nothing_to_refuse);
    serializable = !list.linearizable();
    point = true;
    break;
  }
  case rpc_method::maintenance_alarm:
  case rpc_method::maintenance_downgrade:
    point = true;
    break;
  case rpc_method::maintenance_hash_kv: {
    etcdserverpb::HashKVRequest hash;
    verdict = take(hash, call.body, detail, nothing_to_refuse);
    serializable = true;
    break;
  }
  case rpc_method::maintenance_hash: {
    etcdserverpb::HashRequest hash;
    verdict = take(hash, call.body, detail, nothing_to_refuse);
    serializable = true;
    break;
  }
  case rpc_method::maintenance_snapshot: {
    etcdserverpb::SnapshotRequest snapshot;
    verdict = take(snapshot, call.body, detail, nothing_to_refuse);
    // Of this member, whoever leads.
    serializable = true;
    break;
  }
  default:
    fail_invariant("every read of the table is known here", std::source_location::current());
  }
  if (verdict == errc::none
      && (reads_.waiting() >= limits_.max_waiting_reads
          || reads_.waiting_bytes() + call.body.size() > limits_.max_waiting_bytes))
    verdict = errc::too_many_requests;
  if (verdict != errc::none) {
    out.answers.push_back(refuse_with(call.call, verdict, std::move(detail)));
    return;
  }
  // A hash takes as long as its client waits.
  auto deadline = is_hash(call.method) ? call.deadline : read_deadline(call, now);
  gated_read read{{call.call, call.method, call.body, deadline}, point};
  if (serializable)
    reads_.add_serializable(std::move(read));
  else
    reads_.add_linearizable(std::move(read));
}

} // namespace troupe::service
