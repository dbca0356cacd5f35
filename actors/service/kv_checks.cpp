#include "actors/service/kv_checks.hpp"

#include "actors/service/key_cover.hpp"
#include "messages/version.hpp"

#include <algorithm>
#include <charconv>
#include <google/protobuf/io/coded_stream.h>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace troupe::service {

namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RequestOp;
using etcdserverpb::TxnRequest;
using op_list = google::protobuf::RepeatedPtrField<RequestOp>;

errc check_shape(const TxnRequest& request, std::size_t max_ops);

errc check_op(const RequestOp& op, std::size_t max_ops) {
  switch (op.request_case()) {
  case RequestOp::kRequestRange:
    return check(op.request_range());
  case RequestOp::kRequestPut:
    return check(op.request_put());
  case RequestOp::kRequestDeleteRange:
    return check(op.request_delete_range());
  case RequestOp::kRequestTxn:
    return check_shape(op.request_txn(), max_ops);
  case RequestOp::REQUEST_NOT_SET:
    break;
  }
  return errc::key_not_found;
}

errc check_shape(const TxnRequest& request, std::size_t max_ops) {
  auto longest = std::max({request.compare_size(), request.success_size(), request.failure_size()});
  auto used = static_cast<std::size_t>(longest);
  if (used > max_ops)
    return errc::too_many_ops;
  for (const auto& compare : request.compare()) {
    if (compare.key().empty())
      return errc::empty_key;
  }
  for (const auto* branch : {&request.success(), &request.failure()}) {
    for (const auto& op : *branch) {
      if (auto error = check_op(op, max_ops - used); error != errc::none)
        return error;
    }
  }
  return errc::none;
}

/// What a list of operations writes, nested transactions included: either branch may run.
struct written_keys {
  std::set<std::string_view> puts;
  key_cover deletes;
};

bool share_a_key(const std::set<std::string_view>& a, const std::set<std::string_view>& b) {
  const auto& smaller = a.size() < b.size() ? a : b;
  const auto& larger = a.size() < b.size() ? b : a;
  return std::any_of(smaller.begin(), smaller.end(),
                     [&larger](auto key) { return larger.contains(key); });
}

void merge(std::set<std::string_view>& into, std::set<std::string_view>&& from) {
  if (into.size() < from.size())
    into.swap(from);
  into.merge(from);
}

void collect_deletes(const op_list& ops, key_cover& deletes) {
  for (const auto& op : ops) {
    if (!op.has_request_delete_range())
      continue;
    const auto& request = op.request_delete_range();
    // etcd takes a range_end of one zero byte for an ordinary, hence empty, range here: clients may
    // delete from a key on and put a key behind it in one transaction.
    if (request.range_end().empty())
      deletes.add(request.key());
    else
      deletes.add_range(request.key(), request.range_end());
  }
}

errc collect(const op_list& ops, written_keys& written);

/// The two branches exclude each other, so they may write the same keys. Deletes of one nested
/// transaction are held against the puts of the later ones only (as in etcd).
errc collect_nested(const TxnRequest& request, written_keys& written) {
  written_keys nested;
  written_keys otherwise;
  if (auto error = collect(request.success(), nested); error != errc::none)
    return error;
  if (auto error = collect(request.failure(), otherwise); error != errc::none)
    return error;
  merge(nested.puts, std::move(otherwise.puts));
  nested.deletes.merge(std::move(otherwise.deletes));
  if (share_a_key(nested.puts, written.puts) || written.deletes.meets(nested.puts))
    return errc::duplicate_key;
  merge(written.puts, std::move(nested.puts));
  written.deletes.merge(std::move(nested.deletes));
  return errc::none;
}

/// @returns errc::duplicate_key if a key is put twice, or put and deleted, in any order.
errc collect(const op_list& ops, written_keys& written) {
  collect_deletes(ops, written.deletes);
  for (const auto& op : ops) {
    if (!op.has_request_txn())
      continue;
    if (auto error = collect_nested(op.request_txn(), written); error != errc::none)
      return error;
  }
  for (const auto& op : ops) {
    if (!op.has_request_put())
      continue;
    const auto& key = op.request_put().key();
    if (!written.puts.insert(key).second || written.deletes.contains(key))
      return errc::duplicate_key;
  }
  return errc::none;
}

bool only_ranges(const op_list& ops) {
  return std::all_of(ops.begin(), ops.end(), [](const auto& op) { return op.has_request_range(); });
}

bool only_serializable(const op_list& ops) {
  return std::all_of(ops.begin(), ops.end(), [](const auto& op) {
    return op.has_request_range() && op.request_range().serializable();
  });
}

/// Takes a number off the front.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

/// X and Y of a version "X.Y" or "X.Y.Z", the latter also with "-..." or "+..." behind it.
std::optional<std::pair<std::uint32_t, std::uint32_t>> minor_release(std::string_view version) {
  std::uint32_t numbers[3] = {};
  for (std::size_t place = 0; place < 3; ++place) {
    if (place == 2 && version.empty())
      break;
    if (place > 0 && !version.starts_with('.'))
      return std::nullopt;
    version.remove_prefix(place > 0 ? 1 : 0);
    const auto number = take_number(version);
    if (!number)
      return std::nullopt;
    numbers[place] = *number;
  }
  if (!version.empty() && !version.starts_with('-') && !version.starts_with('+'))
    return std::nullopt;
  return std::pair{numbers[0], numbers[1]};
}

} // namespace

errc check(const RangeRequest& request) {
  if (request.key().empty())
    return errc::empty_key;
  if (!RangeRequest::SortOrder_IsValid(request.sort_order())
      || !RangeRequest::SortTarget_IsValid(request.sort_target()))
    return errc::invalid_sort_option;
  return errc::none;
}

errc check_stream(const RangeRequest& request) {
  if (auto error = check(request); error != errc::none)
    return error;
  bool ascending_keys =
    request.sort_order() == RangeRequest::NONE
    || (request.sort_order() == RangeRequest::ASCEND && request.sort_target() == RangeRequest::KEY);
  if (!ascending_keys)
    return errc::range_stream_sort;
  if (request.min_mod_revision() != 0 || request.max_mod_revision() != 0
      || request.min_create_revision() != 0 || request.max_create_revision() != 0)
    return errc::range_stream_filter;
  return errc::none;
}

errc check(const etcdserverpb::PutRequest& request) {
  if (request.key().empty())
    return errc::empty_key;
  if (request.ignore_value() && !request.value().empty())
    return errc::value_provided;
  if (request.ignore_lease() && request.lease() != 0)
    return errc::lease_provided;
  return errc::none;
}

errc check(const etcdserverpb::DeleteRangeRequest& request) {
  return request.key().empty() ? errc::empty_key : errc::none;
}

errc check(const etcdserverpb::LeaseGrantRequest& request) {
  constexpr std::int64_t max_ttl_seconds = 9'000'000'000;
  return request.ttl() > max_ttl_seconds ? errc::lease_ttl_too_large : errc::none;
}

errc check(const TxnRequest& request, txn_limits limits) {
  if (auto error = check_shape(request, limits.max_ops); error != errc::none)
    return error;
  for (const auto* branch : {&request.success(), &request.failure()}) {
    written_keys written;
    if (auto error = collect(*branch, written); error != errc::none)
      return error;
  }
  return errc::none;
}

errc check(const etcdserverpb::AlarmRequest& request) {
  return etcdserverpb::AlarmRequest::AlarmAction_IsValid(request.action()) ? errc::none
                                                                           : errc::unknown_method;
}

errc check(const etcdserverpb::DowngradeRequest& request) {
  using etcdserverpb::DowngradeRequest;
  if (!DowngradeRequest::DowngradeAction_IsValid(request.action()))
    return errc::unknown_method;
  if (request.action() == DowngradeRequest::CANCEL)
    return errc::none;
  const auto minor = minor_release(request.version());
  if (!minor)
    return errc::wrong_downgrade_version_format;
  return minor == minor_release(etcd_downgrade_version) ? errc::none
                                                        : errc::invalid_downgrade_target;
}

bool can_put(const TxnRequest& request) {
  const auto puts = [](const RequestOp& op) {
    return op.has_request_put() || (op.has_request_txn() && can_put(op.request_txn()));
  };
  const auto& success = request.success();
  const auto& failure = request.failure();
  return std::any_of(success.begin(), success.end(), puts)
         || std::any_of(failure.begin(), failure.end(), puts);
}

bool is_read_only(const TxnRequest& request) {
  return only_ranges(request.success()) && only_ranges(request.failure());
}

bool is_serializable(const TxnRequest& request) {
  return only_serializable(request.success()) && only_serializable(request.failure());
}

errc check_alarms(const raised_alarms& raised, command_kind kind, bool puts) {
  switch (kind) {
  case command_kind::put:
  case command_kind::lease_grant:
    puts = true;
    break;
  case command_kind::txn:
    break;
  case command_kind::delete_range:
  case command_kind::compact:
  case command_kind::lease_revoke:
  case command_kind::lease_expiry:
    puts = false;
    break;
  // What is about the cluster, and what changes no key.
  default:
    return errc::none;
  }
  if (raised.corrupt)
    return errc::corrupt;
  return raised.no_space && puts ? errc::no_space : errc::none;
}

std::size_t proposal_size(command_kind, std::size_t body_bytes) {
  // InternalRaftRequest{header = 100: RequestHeader{ID = 1}, put = 4 | delete_range = 5 | txn = 6 |
  // compaction = 7}: the same size for every kind. The id starts with the low 16 bits of the member
  // id, of which the first is 0 or 1: 9 or 10 bytes as a varint. 9 as on etcd's default member.
  constexpr std::size_t id_bytes = 9;
  constexpr std::size_t header_bytes = 2 + 1 + 1 + id_bytes;
  return header_bytes + 1 + google::protobuf::io::CodedOutputStream::VarintSize64(body_bytes)
         + body_bytes;
}

errc check_proposal_size(command_kind kind, std::size_t body_bytes, std::size_t max_request_bytes) {
  return proposal_size(kind, body_bytes) > max_request_bytes ? errc::request_too_large : errc::none;
}

} // namespace troupe::service
