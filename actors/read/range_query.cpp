#include "actors/read/range_query.hpp"

#include "actors/read/key_value_message.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace troupe::read {

namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using mvcc::key_range;
using mvcc::key_value_view;

constexpr auto unlimited = std::numeric_limits<std::int64_t>::max();

/// The four bounds, inclusive, 0 = none.
class revision_filter {
public:
  explicit revision_filter(const RangeRequest& request)
      : min_mod_(request.min_mod_revision()), max_mod_(request.max_mod_revision()),
        min_create_(request.min_create_revision()), max_create_(request.max_create_revision()) {}

  bool active() const {
    return min_mod_ != 0 || max_mod_ != 0 || min_create_ != 0 || max_create_ != 0;
  }

  bool passes(std::int64_t mod, std::int64_t create) const {
    return (min_mod_ == 0 || mod >= min_mod_) && (max_mod_ == 0 || mod <= max_mod_)
           && (min_create_ == 0 || create >= min_create_)
           && (max_create_ == 0 || create <= max_create_);
  }

private:
  std::int64_t min_mod_;
  std::int64_t max_mod_;
  std::int64_t min_create_;
  std::int64_t max_create_;
};

/// How the keys are to be arranged once they are read in their own order.
class arrangement {
public:
  explicit arrangement(const RangeRequest& request)
      : target_(request.sort_target()), descending_(request.sort_order() == RangeRequest::DESCEND),
        ordered_(request.sort_order() != RangeRequest::NONE) {}

  /// False if the order of the keys is the order asked for.
  bool sorts() const {
    return target_ != RangeRequest::KEY || descending_;
  }

  /// True if the first keys of the answer may stand anywhere in the range. A target without an
  /// order sorts too, but in etcd only what the limit lets through.
  bool needs_all() const {
    return sorts() && ordered_;
  }

  bool by_value() const {
    return target_ == RangeRequest::VALUE;
  }

  /// Keys with equal targets stay in key order: of all orders that etcd may give, the same one on
  /// every member.
  void sort(key_value_list& kvs) const {
    auto precedes = [this](const mvccpb::KeyValue* a, const mvccpb::KeyValue* b) {
      return descending_ ? less(*b, *a) : less(*a, *b);
    };
    std::stable_sort(kvs.pointer_begin(), kvs.pointer_end(), precedes);
  }

private:
  bool less(const mvccpb::KeyValue& a, const mvccpb::KeyValue& b) const {
    switch (target_) {
    case RangeRequest::VERSION:
      return a.version() < b.version();
    case RangeRequest::CREATE:
      return a.create_revision() < b.create_revision();
    case RangeRequest::MOD:
      return a.mod_revision() < b.mod_revision();
    case RangeRequest::VALUE:
      return a.value() < b.value();
    default:
      return a.key() < b.key();
    }
  }

  RangeRequest::SortTarget target_;
  bool descending_;
  bool ordered_;
};

void truncate(key_value_list& kvs, std::int64_t limit) {
  if (kvs.size() > limit)
    kvs.DeleteSubrange(static_cast<int>(limit), kvs.size() - static_cast<int>(limit));
}

/// A range of more than one key with limit, filter and order.
class list_query {
public:
  list_query(const RangeRequest& request, RangeResponse& response)
      : filter_(request), order_(request),
        limit_(request.limit() > 0 ? request.limit() : unlimited), keys_only_(request.keys_only()),
        more_fetched_(order_.sorts() && !order_.needs_all() && !filter_.active()
                      && limit_ != unlimited),
        response_(response) {}

  errc run(const mvcc::source& source, const key_range& range, std::int64_t at) {
    auto error = source.visit(range, at, [this](const key_value_view& kv) { return take(kv); });
    if (error != errc::none)
      return error;
    finish();
    if (!cut_short_) {
      response_.set_count(seen_);
      return errc::none;
    }
    std::int64_t count = 0;
    error = source.count(range, at, count);
    response_.set_count(count);
    return error;
  }

private:
  /// Keys that may be held before sorting drops those beyond the limit.
  static constexpr std::int64_t sort_slack = 4096;

  bool take(const key_value_view& kv) {
    ++seen_;
    if (!filter_.passes(kv.mod_revision, kv.create_revision))
      return true;
    auto& kvs = *response_.mutable_kvs();
    if (!holds_all() && kvs.size() >= limit_ + (more_fetched_ ? 1 : 0)) {
      response_.set_more(true);
      cut_short_ = true;
      return false;
    }
    assign(*kvs.Add(), kv, !keys_only_ || order_.by_value());
    if (holds_all() && limit_ != unlimited && kvs.size() - limit_ >= std::max(limit_, sort_slack))
      keep_first();
    return true;
  }

  /// Whether the limit applies only after everything was seen.
  bool holds_all() const {
    return order_.needs_all() || (order_.sorts() && filter_.active());
  }

  void keep_first() {
    auto& kvs = *response_.mutable_kvs();
    order_.sort(kvs);
    if (kvs.size() > limit_)
      response_.set_more(true);
    truncate(kvs, limit_);
  }

  void finish() {
    if (order_.sorts())
      keep_first();
    if (keys_only_ && order_.by_value()) {
      for (auto& kv : *response_.mutable_kvs())
        kv.clear_value();
    }
  }

  const revision_filter filter_;
  const arrangement order_;
  const std::int64_t limit_;
  const bool keys_only_;
  /// etcd reads one key beyond the limit to know `more`; where a target comes without an order,
  /// that key takes part in the sort.
  const bool more_fetched_;
  RangeResponse& response_;
  std::int64_t seen_ = 0;
  bool cut_short_ = false;
};

errc evaluate_one(const mvcc::source& source, const RangeRequest& request, std::int64_t at,
                  RangeResponse& response) {
  std::optional<mvcc::key_value> found;
  if (auto error = source.get(request.key(), at, found); error != errc::none)
    return error;
  if (!found)
    return errc::none;
  response.set_count(1);
  if (!revision_filter{request}.passes(found->mod_revision, found->create_revision))
    return errc::none;
  if (request.keys_only())
    found->value.clear();
  assign(*response.add_kvs(), std::move(*found));
  return errc::none;
}

} // namespace

errc evaluate(const mvcc::source& source, const RangeRequest& request, RangeResponse& response) {
  auto at = request.revision() > 0 ? request.revision() : source.revision();
  if (auto error = source.check(at); error != errc::none)
    return error;
  response.mutable_header()->set_revision(source.revision());
  if (request.range_end().empty() && !request.count_only())
    return evaluate_one(source, request, at, response);
  auto range = key_range::of(request.key(), request.range_end());
  if (!request.count_only())
    return list_query{request, response}.run(source, range, at);
  std::int64_t count = 0;
  auto error = source.count(range, at, count);
  response.set_count(count);
  return error;
}

errc append_page(const mvcc::source& source, const key_range& range, std::int64_t at,
                 std::int64_t limit, bool keys_only, key_value_list& kvs, bool& more) {
  more = false;
  std::int64_t taken = 0;
  return source.visit(range, at, [&](const key_value_view& kv) {
    if (taken == limit) {
      more = true;
      return false;
    }
    assign(*kvs.Add(), kv, !keys_only);
    ++taken;
    return true;
  });
}

} // namespace troupe::read
