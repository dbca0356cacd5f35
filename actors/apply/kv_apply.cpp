#include "actors/apply/kv_apply.hpp"

#include "actors/apply/txn_plan.hpp"
#include "actors/read/key_value_message.hpp"
#include "actors/read/range_query.hpp"
#include "actors/service/key_cover.hpp"
#include "messages/ensure.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::apply {

namespace {

using etcdserverpb::DeleteRangeRequest;
using etcdserverpb::DeleteRangeResponse;
using etcdserverpb::PutRequest;
using etcdserverpb::PutResponse;
using etcdserverpb::RangeRequest;
using etcdserverpb::RequestOp;
using etcdserverpb::ResponseOp;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;
using mvcc::key_range;

bool keeps_a_part(const PutRequest& request) {
  return request.ignore_value() || request.ignore_lease();
}

/// Writes without asking for the lease: that was looked at before.
errc put(mvcc::write_txn& txn, const PutRequest& request, PutResponse& response) {
  std::string_view value = request.value();
  lease_id lease{request.lease()};
  std::optional<mvcc::key_value> kept;
  if (keeps_a_part(request)) {
    if (auto error = txn.get(request.key(), txn.revision(), kept); error != errc::none)
      return error;
    if (!kept)
      return errc::key_not_found;
    if (request.ignore_value())
      value = kept->value;
    if (request.ignore_lease())
      lease = kept->lease;
  }
  auto previous = txn.put(request.key(), value, lease, request.prev_kv());
  if (previous && request.prev_kv())
    read::assign(*response.mutable_prev_kv(), std::move(*previous));
  response.mutable_header()->set_revision(txn.revision());
  return errc::none;
}

void delete_range(mvcc::write_txn& txn, const DeleteRangeRequest& request,
                  DeleteRangeResponse& response) {
  std::vector<mvcc::key_value> previous;
  auto range = key_range::of(request.key(), request.range_end());
  response.set_deleted(txn.delete_range(range, request.prev_kv() ? &previous : nullptr));
  for (auto& kv : previous)
    read::assign(*response.add_prev_kvs(), std::move(kv));
  response.mutable_header()->set_revision(txn.revision());
}

/// Finds what would fail on the way a transaction takes, before anything is written.
class txn_check {
public:
  /// @param state not needed if the transaction only reads.
  txn_check(const mvcc::source& before, const txn_plan& plan, const state_view* state)
      : before_(before), walk_(plan), state_(state) {}

  errc run(const TxnRequest& request) {
    for (const auto& op : branch(request, walk_.next_succeeds())) {
      if (auto error = run(op); error != errc::none)
        return error;
    }
    return errc::none;
  }

private:
  errc run(const RequestOp& op) {
    switch (op.request_case()) {
    case RequestOp::kRequestRange:
      return run(op.request_range());
    case RequestOp::kRequestPut:
      return run(op.request_put());
    case RequestOp::kRequestDeleteRange:
      remember(op.request_delete_range());
      return errc::none;
    case RequestOp::kRequestTxn:
      return run(op.request_txn());
    case RequestOp::REQUEST_NOT_SET:
      break;
    }
    fail_invariant("an empty operation was refused before", std::source_location::current());
  }

  /// Unlike in a plain range, a negative revision is not the newest but a very old one.
  errc run(const RangeRequest& request) const {
    return request.revision() == 0 ? errc::none : before_.check(request.revision());
  }

  errc run(const PutRequest& request) const {
    if (keeps_a_part(request)) {
      std::optional<mvcc::key_value> found;
      if (auto error = before_.get(request.key(), before_.revision(), found); error != errc::none)
        return error;
      // The check for duplicate keys lets a delete from a key on stand before a put behind that
      // key. etcd would stop here in the middle of the transaction.
      if (!found || deleted_.contains(request.key()))
        return errc::key_not_found;
    }
    lease_id lease{request.lease()};
    if (lease == lease_id{})
      return errc::none;
    ensure(state_ != nullptr, "a transaction that only reads has no puts");
    return state_->lease_exists(lease) ? errc::none : errc::lease_not_found;
  }

  void remember(const DeleteRangeRequest& request) {
    std::string_view end = request.range_end();
    if (end.empty())
      deleted_.add(request.key());
    else if (end == std::string_view{"\0", 1})
      deleted_.add_range(request.key(), std::nullopt);
    else
      deleted_.add_range(request.key(), end);
  }

  const mvcc::source& before_;
  txn_plan::walk walk_;
  const state_view* state_;
  /// By the operations looked at so far.
  service::key_cover deleted_;
};

/// Runs the operations on the way a checked transaction takes.
class txn_run {
public:
  /// @param txn null if the transaction only reads; else the same object as `source`.
  txn_run(const mvcc::source& source, mvcc::write_txn* txn, const txn_plan& plan)
      : source_(source), txn_(txn), walk_(plan) {}

  errc run(const TxnRequest& request, TxnResponse& response) {
    bool succeeds = walk_.next_succeeds();
    response.set_succeeded(succeeds);
    // Of a nested transaction the header stays present and empty.
    response.mutable_header();
    const auto& ops = branch(request, succeeds);
    response.mutable_responses()->Reserve(ops.size());
    for (const auto& op : ops) {
      if (auto error = run(op, *response.add_responses()); error != errc::none)
        return error;
    }
    return errc::none;
  }

private:
  errc run(const RequestOp& op, ResponseOp& response) {
    if (op.has_request_range())
      return read::evaluate(source_, op.request_range(), *response.mutable_response_range());
    if (op.has_request_txn())
      return run(op.request_txn(), *response.mutable_response_txn());
    ensure(txn_ != nullptr, "a transaction that only reads has no writes");
    if (op.has_request_put())
      return put(*txn_, op.request_put(), *response.mutable_response_put());
    delete_range(*txn_, op.request_delete_range(), *response.mutable_response_delete_range());
    return errc::none;
  }

  const mvcc::source& source_;
  mvcc::write_txn* txn_;
  txn_plan::walk walk_;
};

} // namespace

errc apply(mvcc::write_txn& txn, const PutRequest& request, PutResponse& response,
           const state_view& state) {
  lease_id lease{request.lease()};
  if (lease != lease_id{} && !state.lease_exists(lease))
    return errc::lease_not_found;
  return put(txn, request, response);
}

errc apply(mvcc::write_txn& txn, const DeleteRangeRequest& request, DeleteRangeResponse& response) {
  delete_range(txn, request, response);
  return errc::none;
}

errc apply(mvcc::write_txn& txn, const TxnRequest& request, TxnResponse& response,
           const state_view& state) {
  const txn_plan plan{txn, request};
  ensure(plan.error() == errc::none, "the applier's own state is always readable");
  if (auto error = txn_check{txn, plan, &state}.run(request); error != errc::none)
    return error;
  auto error = txn_run{txn, &txn, plan}.run(request, response);
  ensure(error == errc::none, "a checked transaction runs to its end");
  response.mutable_header()->set_revision(txn.revision());
  return errc::none;
}

errc evaluate(const mvcc::source& source, const TxnRequest& request, TxnResponse& response) {
  const txn_plan plan{source, request};
  if (plan.error() != errc::none)
    return plan.error();
  if (auto error = txn_check{source, plan, nullptr}.run(request); error != errc::none)
    return error;
  auto error = txn_run{source, nullptr, plan}.run(request, response);
  response.mutable_header()->set_revision(source.revision());
  return error;
}

errc check_compaction(const mvcc::source& source, std::int64_t revision) {
  if (revision <= source.compacted())
    return errc::compacted;
  return revision > source.revision() ? errc::future_revision : errc::none;
}

} // namespace troupe::apply
