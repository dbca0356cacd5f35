#include "actors/apply/txn_plan.hpp"

#include <algorithm>
#include <compare>
#include <string_view>

namespace troupe::apply {

namespace {

using etcdserverpb::Compare;
using mvcc::key_value_view;

// A given value of another kind than the target counts as absent: protobuf's getters then return 0
// or the empty string, which is what etcd compares with.

/// How the stored value stands against the given one.
std::strong_ordering against(const Compare& compare, const key_value_view& kv) {
  switch (compare.target()) {
  case Compare::VERSION:
    return kv.version <=> compare.version();
  case Compare::CREATE:
    return kv.create_revision <=> compare.create_revision();
  case Compare::MOD:
    return kv.mod_revision <=> compare.mod_revision();
  case Compare::VALUE:
    return kv.value <=> std::string_view{compare.value()};
  case Compare::LEASE:
    return kv.lease.value <=> compare.lease();
  default:
    return std::strong_ordering::equal; // a target nobody knows, as etcd treats it
  }
}

bool holds_for(const Compare& compare, const key_value_view& kv) {
  auto order = against(compare, kv);
  switch (compare.result()) {
  case Compare::EQUAL:
    return order == 0;
  case Compare::GREATER:
    return order > 0;
  case Compare::LESS:
    return order < 0;
  case Compare::NOT_EQUAL:
    return order != 0;
  default:
    return true; // likewise
  }
}

} // namespace

bool txn_plan::holds(const mvcc::source& before, const Compare& compare) {
  auto range = mvcc::key_range::of(compare.key(), compare.range_end());
  bool any = false;
  bool all = true;
  auto error = before.visit(range, before.revision(), [&](const key_value_view& kv) {
    any = true;
    all = holds_for(compare, kv);
    return all;
  });
  if (error != errc::none)
    error_ = error;
  if (any)
    return all;
  // A missing key has no value at all, not an empty one.
  return compare.target() != Compare::VALUE && holds_for(compare, {});
}

void txn_plan::decide(const mvcc::source& before, const etcdserverpb::TxnRequest& request) {
  const auto& compares = request.compare();
  bool succeeds = std::all_of(compares.begin(), compares.end(),
                              [&](const auto& compare) { return holds(before, compare); });
  succeeds_.push_back(succeeds);
  for (const auto& op : branch(request, succeeds)) {
    if (op.has_request_txn())
      decide(before, op.request_txn());
  }
}

} // namespace troupe::apply
