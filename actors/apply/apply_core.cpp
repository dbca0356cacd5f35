#include "actors/apply/apply_core.hpp"

#include "actors/apply/downgrade.hpp"
#include "actors/apply/kv_apply.hpp"
#include "actors/apply/lease_apply.hpp"
#include "actors/apply/membership.hpp"
#include "actors/service/kv_checks.hpp"
#include "actors/service/request_parser.hpp"
#include "messages/ensure.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

namespace troupe::apply {

namespace {

/// The quota is looked at after so much of the log, beside every tick: what is written between its
/// passing and the alarm is not much more.
constexpr std::size_t space_look_bytes = 1 << 20;

[[noreturn]] void refuse_newer(const char* what, unsigned number) {
  throw storage::storage_error{
    errc::data_newer, std::string{"the log holds a "} + what + " of kind " + std::to_string(number)
                        + ", which this version does not know; start a newer version on this data"};
}

template <class Request>
Request parse(const command& what) {
  Request request;
  ensure(service::parse_accepted(request, what.body.view()),
         "what is in the log was well formed when it was proposed");
  return request;
}

/// What etcd's metrics call it; nothing if they do not know it.
std::optional<metrics::apply_op> op_of(command_kind kind) {
  switch (kind) {
  case command_kind::put:
    return metrics::apply_op::put;
  case command_kind::delete_range:
    return metrics::apply_op::delete_range;
  case command_kind::txn:
    return metrics::apply_op::txn;
  case command_kind::compact:
    return metrics::apply_op::compaction;
  case command_kind::alarm:
  case command_kind::quota_alarm:
    return metrics::apply_op::alarm;
  case command_kind::downgrade:
    return metrics::apply_op::downgrade_info;
  case command_kind::publish_member:
    return metrics::apply_op::member_attributes;
  case command_kind::lease_grant:
    return metrics::apply_op::lease_grant;
  case command_kind::lease_revoke:
  case command_kind::lease_expiry:
    return metrics::apply_op::lease_revoke;
  case command_kind::lease_checkpoints:
    return metrics::apply_op::lease_checkpoint;
  }
  return std::nullopt;
}

bool is_physical_compaction(const command& what) {
  return what.kind == command_kind::compact
         && parse<etcdserverpb::CompactionRequest>(what).physical();
}

} // namespace

apply_core::apply_core(mvcc::store& store, apply_identity identity, auto_compaction compaction,
                       space_quota quota)
    : store_(store), identity_(identity), compaction_(std::move(compaction)), alarms_(store),
      raised_(alarms_.raised()), quota_(std::move(quota)), guard_(quota_.bytes) {}

void apply_core::count_in(metrics::meter meter, std::chrono::nanoseconds slow) {
  meter_ = std::move(meter);
  slow_ = slow;
  meter_->alarms.note(raised_);
}

void apply_core::await(const await_applied& calls) {
  for (const auto& call : calls.calls)
    pending_.add(call);
}

void apply_core::refuse(const propose_refused& refused, apply_output& out) {
  meter_->apply.proposals_failed.add(refused.counters.size());
  for (auto counter : refused.counters)
    if (auto call = pending_.take(counter))
      out.answers.push_back(refuse_with(*call, refused.reason));
}

void apply_core::apply(std::span<const entry> entries, apply_output& out) {
  std::size_t bytes = 0;
  auto expected = store_.applied().index + 1;
  for (const auto& next : entries) {
    ensure(next.id.index == expected, "entries are applied in order, each once");
    expected = expected + 1;
    apply_one(next, out);
    bytes += next.payload.size();
    unseen_bytes_ += next.payload.size();
    if (bytes >= batch_bytes) {
      commit(next.id, out);
      bytes = 0;
    }
  }
  if (!entries.empty() && store_.applied() != entries.back().id)
    commit(entries.back().id, out);
  out.leases.upto = store_.applied();
  if (unseen_bytes_ >= space_look_bytes)
    look_after_space(out);
  meter_->apply.batch_entries.observe(entries.size());
  meter_->apply.proposals_pending.set(static_cast<std::int64_t>(pending_.size()));
}

void apply_core::commit(entry_id upto, apply_output& out) {
  auto start = meter_.now();
  auto events = store_.commit(upto);
  if (out.events.empty())
    out.events = std::move(events);
  else
    std::move(events.begin(), events.end(), std::back_inserter(out.events));
  meter_->apply.commit_duration.observe(meter_.since(start));
  meter_->apply.applied_index.set(static_cast<std::int64_t>(upto.index.value));
}

void apply_core::note(command_kind kind, bool success, std::chrono::nanoseconds took) const {
  auto& apply = meter_->apply;
  if (took > slow_)
    apply.slow_applies.add();
  if (auto op = op_of(kind))
    apply.applied(*op, success, took);
}

void apply_core::note(const op_counts& ops) const {
  auto& apply = meter_->apply;
  apply.puts.add(ops.puts);
  apply.deletes.add(ops.deletes);
  apply.ranges.add(ops.ranges);
  apply.put_bytes.add(ops.put_bytes);
  // Like etcd, which calls only what does several things a transaction.
  if (ops.all() > 1)
    apply.txns.add();
}

void apply_core::apply_one(const entry& what, apply_output& out) {
  switch (what.kind) {
  case entry_kind::term_start:
    return;
  case entry_kind::configuration:
    apply_configuration(store_, what);
    return;
  case entry_kind::command:
    break;
  default:
    refuse_newer("entry", static_cast<unsigned>(what.kind));
  }
  auto command = decode_command(what.payload);
  ensure(command.has_value(), "a command is never empty");
  auto start = meter_.now();
  auto answer = apply_command(*command, what.id, out);
  // That a revision is compacted already is an answer, not a failure.
  note(command->kind, answer.error == errc::none || answer.error == errc::compacted,
       meter_.since(start));
  if (what.origin.member != identity_.member || what.origin.boot != identity_.boot)
    return;
  if (what.origin.counter >= first_lease_counter)
    out.leases.applied_proposals.push_back(what.origin.counter);
  if (auto call = pending_.take(what.origin.counter)) {
    answer.call = *call;
    bool wait = answer.error == errc::none && is_physical_compaction(*command);
    (wait ? out.when_removed : out.answers).push_back(std::move(answer));
  }
}

rpc_answer apply_core::apply_command(const command& what, entry_id at, apply_output& out) {
  if (auto verdict = service::check_alarms(raised_, what.kind, false); verdict != errc::none)
    return refuse_with({}, verdict);
  switch (what.kind) {
  case command_kind::put:
  case command_kind::delete_range:
  case command_kind::txn:
    return apply_kv(what);
  case command_kind::compact:
    return compact(parse<etcdserverpb::CompactionRequest>(what), out);
  case command_kind::publish_member:
    apply_publication(store_, parse<record::PublishMember>(what));
    return {};
  case command_kind::lease_grant:
  case command_kind::lease_revoke:
  case command_kind::lease_expiry:
  case command_kind::lease_checkpoints:
    return apply_lease(what, at, out.leases.changes);
  case command_kind::alarm:
  case command_kind::quota_alarm:
  case command_kind::downgrade:
    return apply_maintenance(what, out);
  }
  refuse_newer("command", static_cast<unsigned>(what.kind));
}

rpc_answer apply_core::apply_kv(const command& what) {
  const stored_leases state{store_};
  if (what.kind == command_kind::put) {
    etcdserverpb::PutResponse response;
    auto request = parse<etcdserverpb::PutRequest>(what);
    auto txn = store_.begin();
    auto verdict = apply::apply(*txn, request, response, state);
    if (verdict == errc::none)
      note({.puts = 1, .put_bytes = request.key().size() + request.value().size()});
    return finish(verdict, response);
  }
  if (what.kind == command_kind::delete_range) {
    etcdserverpb::DeleteRangeResponse response;
    auto txn = store_.begin();
    auto verdict = apply::apply(*txn, parse<etcdserverpb::DeleteRangeRequest>(what), response);
    if (verdict == errc::none)
      note({.deletes = 1});
    return finish(verdict, response);
  }
  etcdserverpb::TxnResponse response;
  auto request = parse<etcdserverpb::TxnRequest>(what);
  if (raised_.no_space && service::can_put(request))
    return refuse_with({}, errc::no_space);
  auto txn = store_.begin();
  auto verdict = apply::apply(*txn, request, response, state);
  if (verdict == errc::none)
    note(count_ops(request, response));
  return finish(verdict, response);
}

rpc_answer apply_core::apply_maintenance(const command& what, apply_output& out) {
  if (what.kind == command_kind::downgrade) {
    etcdserverpb::DowngradeResponse response;
    auto verdict = apply::apply(store_, parse<etcdserverpb::DowngradeRequest>(what), response);
    return finish(verdict, response);
  }
  const auto before = alarms_.space_alarm_of(identity_.member);
  if (what.kind == command_kind::quota_alarm) {
    alarms_.apply(parse<record::QuotaAlarm>(what));
    alarms_changed(out);
    return {};
  }
  etcdserverpb::AlarmResponse response;
  alarms_.apply(parse<etcdserverpb::AlarmRequest>(what), response);
  if (before == alarm_table::space_alarm::by_quota
      && alarms_.space_alarm_of(identity_.member) == alarm_table::space_alarm::none)
    guard_.disarmed(used());
  alarms_changed(out);
  response.mutable_header()->set_revision(store_.revision());
  return finish(errc::none, response);
}

void apply_core::alarms_changed(apply_output& out) {
  const auto now = alarms_.raised();
  if (now == raised_)
    return;
  out.make_room = out.make_room || (now.no_space && !raised_.no_space);
  out.alarms_changed = true;
  raised_ = now;
  meter_->alarms.note(raised_);
}

std::uint64_t apply_core::used() const {
  return quota_.bytes < 0 ? 0 : quota_.used();
}

void apply_core::look_after_space(apply_output& out) {
  if (!measured_from_ || store_.applied().index.value < *measured_from_)
    return;
  unseen_bytes_ = 0;
  const auto full = guard_.look(used(), alarms_.space_alarm_of(identity_.member), now_);
  if (!full)
    return;
  record::QuotaAlarm quota;
  quota.set_member_id(identity_.member.value);
  quota.set_full(*full);
  out.to_propose.push_back(
    {0, entry_kind::command, encode_command(command_kind::quota_alarm, quota.SerializeAsString())});
}

rpc_answer apply_core::apply_lease(const command& what, entry_id at,
                                   std::vector<lease_change>& changes) {
  switch (what.kind) {
  case command_kind::lease_grant: {
    etcdserverpb::LeaseGrantResponse response;
    auto request = parse<etcdserverpb::LeaseGrantRequest>(what);
    auto verdict = grant(store_, request, at.index, response, changes);
    return finish(verdict, response);
  }
  case command_kind::lease_revoke: {
    etcdserverpb::LeaseRevokeResponse response;
    auto request = parse<etcdserverpb::LeaseRevokeRequest>(what);
    auto verdict = revoke(store_, request, response, changes);
    return finish(verdict, response);
  }
  case command_kind::lease_expiry:
    expire(store_, parse<record::LeaseExpiry>(what), at.term, changes);
    return {};
  case command_kind::lease_checkpoints:
    checkpoint(store_, parse<record::LeaseCheckpoints>(what), at.term, changes);
    return {};
  default:
    fail_invariant("only what is about leases comes here", std::source_location::current());
  }
}

rpc_answer apply_core::compact(const etcdserverpb::CompactionRequest& request, apply_output& out) {
  etcdserverpb::CompactionResponse response;
  auto txn = store_.begin();
  auto verdict = check_compaction(*txn, request.revision());
  response.mutable_header()->set_revision(txn->revision());
  txn.reset();
  if (verdict == errc::none) {
    store_.compact(request.revision());
    out.floor_raised = true;
    out.make_room = out.make_room || raised_.no_space;
  }
  return finish(verdict, response);
}

template <class Response>
rpc_answer apply_core::finish(errc verdict, Response& response) {
  if (verdict != errc::none)
    return refuse_with({}, verdict);
  auto& header = *response.mutable_header();
  header.set_cluster_id(identity_.cluster.value);
  header.set_member_id(identity_.member.value);
  header.set_raft_term(raft_.term.value);
  // Protobuf counts the bytes of a message in 31 bits. The write is done; what it found cannot be
  // told.
  if (response.ByteSizeLong() > std::numeric_limits<std::int32_t>::max())
    return refuse_with({}, errc::message_too_large, "trying to send message larger than max");
  return reply_with({}, blob{response.SerializeAsString()});
}

void apply_core::on_tick(time_point now, apply_output& out) {
  for (auto call : pending_.expire(now)) {
    meter_->apply.proposals_failed.add();
    out.answers.push_back(refuse_with(call, errc::timeout));
  }
  meter_->apply.proposals_pending.set(static_cast<std::int64_t>(pending_.size()));
  now_ = now;
  // A store that nobody writes to does not grow, but may shrink.
  if (unseen_bytes_ > 0 || raised_.no_space)
    look_after_space(out);
  auto leads = raft_.role == raft_role::leader;
  if (auto revision = compaction_.on_tick(now, store_.revision(), leads)) {
    etcdserverpb::CompactionRequest request;
    request.set_revision(*revision);
    out.to_propose.push_back(
      {0, entry_kind::command, encode_command(command_kind::compact, request.SerializeAsString())});
  }
}

applied apply_core::progress() const {
  return {store_.applied(), store_.flushed(), raised_};
}

} // namespace troupe::apply
