#include "actors/read/read_core.hpp"

#include "actors/apply/alarms.hpp"
#include "actors/apply/downgrade.hpp"
#include "actors/apply/kv_apply.hpp"
#include "actors/apply/op_counts.hpp"
#include "actors/read/range_query.hpp"
#include "actors/service/request_parser.hpp"
#include "messages/ensure.hpp"
#include "messages/proto/record.pb.h"
#include "messages/version.hpp"
#include "storage/mvcc/lease_key.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::read {

namespace {

void parse(google::protobuf::MessageLite& message, const blob& body) {
  ensure(service::parse_accepted(message, body.view()),
         "the service lets only well-formed requests pass");
}

bool is_hash(rpc_method method) {
  return method == rpc_method::maintenance_hash || method == rpc_method::maintenance_hash_kv;
}

/// As etcd shows it in Status: what is zero is left out, and a blank follows each field.
std::string text_of(const record::AlarmRecord& alarm) {
  std::string text;
  if (alarm.member_id() != 0)
    text += "memberID:" + std::to_string(alarm.member_id()) + " ";
  const auto& name = etcdserverpb::AlarmType_Name(alarm.alarm());
  return text + "alarm:" + (name.empty() ? std::to_string(alarm.alarm()) : name) + " ";
}

/// Protobuf and gRPC count the bytes of a message in 31 bits.
constexpr std::size_t max_message_bytes = std::numeric_limits<std::int32_t>::max();

rpc_answer reply(call_id call, const google::protobuf::MessageLite& response) {
  if (auto bytes = response.ByteSizeLong(); bytes > max_message_bytes)
    return refuse_with(call, errc::message_too_large,
                       "trying to send message larger than max (" + std::to_string(bytes) + " vs. "
                         + std::to_string(max_message_bytes) + ")");
  return reply_with(call, blob{response.SerializeAsString()});
}

} // namespace

read_core::read_core(const mvcc::store& store, const storage::engine& engine,
                     read_identity identity)
    : store_(store), engine_(engine), identity_(std::move(identity)), hashes_(store) {}

void read_core::on(const read_batch& batch, time_point now, const sender& send,
                   std::int64_t unix_seconds) {
  raft_ = batch.raft;
  applied_ = batch.applied;
  std::shared_ptr<const mvcc::snapshot> source = store_.snapshot();
  meter_->reads.batch_reads.observe(batch.calls.size());
  std::vector<rpc_answer> answers;
  answers.reserve(batch.calls.size());
  std::size_t bytes = 0;
  for (const auto& call : batch.calls) {
    if (call.deadline <= now) {
      answers.push_back(refuse_with(call.call, errc::deadline_exceeded));
      continue;
    }
    if (is_hash(call.method)) {
      if (!hashes_.add(call))
        answers.push_back(refuse_with(call.call, errc::too_many_requests));
      continue;
    }
    answers.push_back(call.method == rpc_method::maintenance_snapshot
                        ? start_backup(call, now, unix_seconds)
                        : answer_newest(call, source));
    bytes += answers.back().message.size();
    if (bytes >= portion_bytes) {
      send(std::exchange(answers, {}));
      bytes = 0;
    }
  }
  send(std::move(answers));
}

std::vector<rpc_answer> read_core::on(const read_stream_event& event, time_point now) {
  if (auto backup = backups_.find(event.call); backup != backups_.end())
    return go_on(backup, event.cancelled, now);
  if (event.cancelled)
    hashes_.forget(event.call);
  auto found = streams_.find(event.call);
  if (found == streams_.end())
    return {};
  if (event.cancelled) {
    streams_.erase(found);
    return {};
  }
  std::vector<rpc_answer> answers{next_part(event.call, found->second)};
  if (answers.back().ends)
    streams_.erase(found);
  return answers;
}

rpc_answer read_core::answer_newest(const read_call& call,
                                    std::shared_ptr<const mvcc::snapshot>& source) {
  auto result = answer(call, source);
  for (int again = 0; again < 3 && result.error == errc::compacted; ++again) {
    std::shared_ptr<const mvcc::snapshot> newer = store_.snapshot();
    // The floor stands where it stood: the call itself names what is gone.
    if (newer->compacted() == source->compacted())
      break;
    source = std::move(newer);
    result = answer(call, source);
  }
  return result;
}

rpc_answer read_core::answer(const read_call& call,
                             const std::shared_ptr<const mvcc::snapshot>& source) {
  switch (call.method) {
  case rpc_method::kv_range:
    return range(call, *source);
  case rpc_method::kv_range_stream:
    return open_stream(call, source);
  case rpc_method::kv_txn:
    return transaction(call, *source);
  case rpc_method::cluster_member_list:
    return member_list(call);
  case rpc_method::maintenance_alarm:
    return alarm_list(call, *source);
  case rpc_method::maintenance_status:
    return status(call, *source);
  case rpc_method::maintenance_downgrade:
    return downgrade(call, *source);
  case rpc_method::lease_time_to_live:
    return attached_keys(call, *source);
  default:
    fail_invariant("only reads reach a reader", std::source_location::current());
  }
}

void read_core::fill(etcdserverpb::ResponseHeader& header) const {
  header.set_cluster_id(identity_.cluster.value);
  header.set_member_id(identity_.member.value);
  header.set_raft_term(raft_.term.value);
}

rpc_answer read_core::range(const read_call& call, const mvcc::snapshot& source) {
  parse(range_request_, call.body);
  range_response_.Clear();
  auto start = meter_.now();
  auto error = evaluate(source, range_request_, range_response_);
  meter_->reads.range_duration[error == errc::none ? 1 : 0].observe(meter_.since(start));
  if (error != errc::none)
    return refuse_with(call.call, error);
  meter_->reads.ranges.add();
  fill(*range_response_.mutable_header());
  return reply(call.call, range_response_);
}

rpc_answer read_core::transaction(const read_call& call, const mvcc::snapshot& source) {
  etcdserverpb::TxnRequest request;
  etcdserverpb::TxnResponse response;
  parse(request, call.body);
  if (auto error = apply::evaluate(source, request, response); error != errc::none)
    return refuse_with(call.call, error);
  auto ops = apply::count_ops(request, response);
  meter_->reads.ranges.add(ops.ranges);
  if (ops.all() > 1)
    meter_->reads.txns.add();
  fill(*response.mutable_header());
  return reply(call.call, response);
}

rpc_answer read_core::open_stream(const read_call& call,
                                  std::shared_ptr<const mvcc::snapshot> source) {
  if (streams_.size() >= max_streams)
    return refuse_with(call.call, errc::too_many_requests);
  parse(range_request_, call.body);
  range_stream stream{std::move(source), range_request_, stream_part_bytes};
  auto first = next_part(call.call, stream);
  if (!first.ends)
    streams_.emplace(call.call, std::move(stream));
  return first;
}

rpc_answer read_core::next_part(call_id call, range_stream& stream) {
  etcdserverpb::RangeStreamResponse response;
  if (auto error = stream.next(response); error != errc::none)
    return refuse_with(call, error);
  if (stream.done())
    fill(*response.mutable_range_response()->mutable_header());
  auto part = reply(call, response);
  part.ends = stream.done();
  return part;
}

rpc_answer read_core::start_backup(const read_call& call, time_point now,
                                   std::int64_t unix_seconds) {
  if (backups_.size() >= max_backups)
    return refuse_with(call.call, errc::too_many_requests);
  auto sizes = engine_.sizes();
  backup::backup_writer writer{store_.pin(), {identity_.cluster, identity_.member, unix_seconds}};
  backup_stream stream{std::move(writer), sizes.live + sizes.unflushed, stream_part_bytes,
                       std::string{etcd_cluster_version}};
  auto first = next_part(call.call, stream);
  backups_.emplace(call.call, open_backup{std::move(stream), now});
  return first;
}

rpc_answer read_core::next_part(call_id call, backup_stream& stream) {
  etcdserverpb::SnapshotResponse response;
  stream.next(response);
  auto part = reply(call, response);
  part.ends = stream.done();
  return part;
}

std::vector<rpc_answer> read_core::go_on(open_backups::iterator backup, bool cancelled,
                                         time_point now) {
  std::vector<rpc_answer> answers;
  if (!cancelled) {
    backup->second.last_taken = now;
    answers.push_back(next_part(backup->first, backup->second.stream));
  }
  if (cancelled || answers.back().ends)
    backups_.erase(backup);
  return answers;
}

std::vector<rpc_answer> read_core::on_tick(time_point now) {
  std::vector<rpc_answer> given_up;
  std::erase_if(backups_, [&](const auto& open) {
    if (now - open.second.last_taken < backup_patience)
      return false;
    given_up.push_back(refuse_with(open.first, errc::timeout));
    return true;
  });
  return given_up;
}

rpc_answer read_core::attached_keys(const read_call& call, const mvcc::snapshot& source) {
  etcdserverpb::LeaseTimeToLiveResponse response;
  parse(response, call.body);
  auto attached = mvcc::attachments_of({response.id()});
  engine_.latest().visit(storage::family::lease, attached.begin, attached.end,
                         [&](std::string_view attachment, std::string_view) {
                           response.add_keys(std::string{mvcc::attached_key(attachment)});
                           return true;
                         });
  fill(*response.mutable_header());
  response.mutable_header()->set_revision(source.revision());
  return reply(call.call, response);
}

rpc_answer read_core::member_list(const read_call& call) {
  etcdserverpb::MemberListResponse response;
  fill(*response.mutable_header());
  auto show = [&](std::string_view, std::string_view bytes) {
    record::MemberRecord stored;
    ensure(stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())),
           "a stored member record is well formed");
    auto& member = *response.add_members();
    member.set_id(stored.id());
    member.set_name(stored.name());
    *member.mutable_peerurls() = stored.peer_urls();
    *member.mutable_clienturls() = stored.client_urls();
    member.set_islearner(stored.is_learner());
    return true;
  };
  engine_.latest().visit(storage::family::member, {}, std::nullopt, show);
  return reply(call.call, response);
}

rpc_answer read_core::alarm_list(const read_call& call, const mvcc::snapshot& source) {
  etcdserverpb::AlarmRequest request;
  parse(request, call.body);
  etcdserverpb::AlarmResponse response;
  fill(*response.mutable_header());
  response.mutable_header()->set_revision(source.revision());
  for (const auto& stored : apply::stored_alarms(engine_.latest())) {
    if (request.alarm() != etcdserverpb::NONE && request.alarm() != stored.alarm())
      continue;
    auto& alarm = *response.add_alarms();
    alarm.set_memberid(stored.member_id());
    alarm.set_alarm(stored.alarm());
  }
  return reply(call.call, response);
}

rpc_answer read_core::downgrade(const read_call& call, const mvcc::snapshot& source) {
  etcdserverpb::DowngradeResponse response;
  if (auto error = apply::validate_downgrade(engine_.latest(), response); error != errc::none)
    return refuse_with(call.call, error);
  fill(*response.mutable_header());
  response.mutable_header()->set_revision(source.revision());
  return reply(call.call, response);
}

std::vector<rpc_answer> read_core::hash_on(time_point now) {
  return hashes_.step(now, [this](etcdserverpb::ResponseHeader& header) { fill(header); });
}

rpc_answer read_core::status(const read_call& call, const mvcc::snapshot& source) {
  etcdserverpb::StatusResponse response;
  fill(*response.mutable_header());
  response.mutable_header()->set_revision(source.revision());
  auto sizes = engine_.sizes();
  response.set_version(identity_.version);
  response.set_storageversion(std::string{etcd_cluster_version});
  response.set_dbsize(static_cast<std::int64_t>(sizes.total()));
  response.set_dbsizeinuse(static_cast<std::int64_t>(sizes.in_use()));
  response.set_dbsizequota(identity_.quota_bytes);
  response.set_leader(raft_.leader.value);
  response.set_raftterm(raft_.term.value);
  response.set_raftindex(raft_.commit.value);
  response.set_raftappliedindex(applied_.value);
  response.set_islearner(raft_.role == raft_role::learner);
  auto downgrade = apply::downgrade_target(engine_.latest());
  response.mutable_downgradeinfo()->set_enabled(!downgrade.empty());
  response.mutable_downgradeinfo()->set_targetversion(std::move(downgrade));
  if (raft_.leader == member_id{})
    response.add_errors("etcdserver: no leader");
  for (const auto& alarm : apply::stored_alarms(engine_.latest()))
    response.add_errors(text_of(alarm));
  return reply(call.call, response);
}

} // namespace troupe::read
