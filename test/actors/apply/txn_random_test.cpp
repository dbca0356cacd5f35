// Random transactions against a second, naive reading of section 5 of etcd's API: it runs on a copy
// of all keys and throws the copy away when something fails.

#include "test/support/kv_fixture.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace troupe::apply {
namespace {

using etcdserverpb::Compare;
using etcdserverpb::RequestOp;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;
using key_map = std::map<std::string, mvccpb::KeyValue>;

const std::string zero(1, '\0');

bool inside(const std::string& k, const std::string& key, const std::string& end) {
  if (end.empty())
    return k == key;
  return k >= key && (end == zero || k < end);
}

struct naive_store {
  std::map<std::int64_t, key_map> states{{1, {}}};
  std::int64_t floor = -1;
  std::set<std::int64_t> leases;

  std::int64_t revision() const {
    return states.rbegin()->first;
  }

  bool compare(const Compare& c) const {
    std::vector<mvccpb::KeyValue> stored;
    for (const auto& [k, kv] : states.rbegin()->second) {
      if (inside(k, c.key(), c.range_end()))
        stored.push_back(kv);
    }
    if (stored.empty() && c.target() == Compare::VALUE)
      return false;
    if (stored.empty())
      stored.emplace_back();
    return std::all_of(stored.begin(), stored.end(), [&](const auto& kv) {
      int order = 0;
      auto number = [&order](std::int64_t a, std::int64_t b) { order = a < b ? -1 : a > b; };
      if (c.target() == Compare::VERSION)
        number(kv.version(), c.target_union_case() == Compare::kVersion ? c.version() : 0);
      if (c.target() == Compare::CREATE)
        number(kv.create_revision(),
               c.target_union_case() == Compare::kCreateRevision ? c.create_revision() : 0);
      if (c.target() == Compare::MOD)
        number(kv.mod_revision(),
               c.target_union_case() == Compare::kModRevision ? c.mod_revision() : 0);
      if (c.target() == Compare::LEASE)
        number(kv.lease(), c.target_union_case() == Compare::kLease ? c.lease() : 0);
      if (c.target() == Compare::VALUE)
        order = kv.value().compare(c.target_union_case() == Compare::kValue ? c.value() : "");
      const std::map<int, bool> holds{{Compare::EQUAL, order == 0},
                                      {Compare::GREATER, order > 0},
                                      {Compare::LESS, order < 0},
                                      {Compare::NOT_EQUAL, order != 0}};
      return holds.at(c.result());
    });
  }

  bool succeeds(const TxnRequest& txn) const {
    bool all = true;
    for (const auto& c : txn.compare())
      all = all && compare(c);
    return all;
  }

  /// One run on copies; `errc` of what fails first, in the order of the operations.
  struct run {
    const naive_store& before;
    key_map keys;
    bool wrote = false;

    std::int64_t next() const {
      return before.revision() + 1;
    }

    std::int64_t now() const {
      return wrote ? next() : before.revision();
    }

    errc operator()(const TxnRequest& txn, TxnResponse& out) {
      out.mutable_header();
      out.set_succeeded(before.succeeds(txn));
      for (const auto& op : out.succeeded() ? txn.success() : txn.failure()) {
        if (auto error = (*this)(op, *out.add_responses()); error != errc::none)
          return error;
      }
      return errc::none;
    }

    errc operator()(const RequestOp& op, etcdserverpb::ResponseOp& out) {
      if (op.has_request_txn())
        return (*this)(op.request_txn(), *out.mutable_response_txn());
      if (op.has_request_range())
        return range(op.request_range(), *out.mutable_response_range());
      if (op.has_request_put())
        return put(op.request_put(), *out.mutable_response_put());
      auto& deleted = *out.mutable_response_delete_range();
      for (auto it = keys.begin(); it != keys.end();) {
        if (!inside(it->first, op.request_delete_range().key(),
                    op.request_delete_range().range_end())) {
          ++it;
          continue;
        }
        if (op.request_delete_range().prev_kv())
          *deleted.add_prev_kvs() = it->second;
        deleted.set_deleted(deleted.deleted() + 1);
        wrote = true;
        it = keys.erase(it);
      }
      deleted.mutable_header()->set_revision(now());
      return errc::none;
    }

    errc range(const etcdserverpb::RangeRequest& r, etcdserverpb::RangeResponse& out) const {
      if (r.revision() > before.revision())
        return errc::future_revision;
      if (r.revision() != 0 && r.revision() < before.floor)
        return errc::compacted;
      const auto& seen =
        r.revision() > 0 ? std::prev(before.states.upper_bound(r.revision()))->second : keys;
      out.mutable_header()->set_revision(now());
      for (const auto& [k, kv] : seen) {
        if (!inside(k, r.key(), r.range_end()))
          continue;
        out.set_count(out.count() + 1);
        if (!r.count_only())
          *out.add_kvs() = kv;
      }
      return errc::none;
    }

    errc put(const etcdserverpb::PutRequest& p, etcdserverpb::PutResponse& out) {
      bool keeps = p.ignore_value() || p.ignore_lease();
      if (keeps && !keys.contains(p.key()))
        return errc::key_not_found;
      if (p.lease() != 0 && !before.leases.contains(p.lease()))
        return errc::lease_not_found;
      auto& kv = keys[p.key()];
      if (p.prev_kv() && kv.version() > 0)
        *out.mutable_prev_kv() = kv;
      kv.set_key(p.key());
      if (kv.version() == 0)
        kv.set_create_revision(next());
      kv.set_mod_revision(next());
      kv.set_version(kv.version() + 1);
      if (!p.ignore_value())
        kv.set_value(p.value());
      if (!p.ignore_lease())
        kv.set_lease(p.lease());
      wrote = true;
      out.mutable_header()->set_revision(next());
      return errc::none;
    }
  };

  errc apply(const TxnRequest& txn, TxnResponse& out) {
    run attempt{*this, states.rbegin()->second};
    auto error = attempt(txn, out);
    if (error != errc::none)
      return error;
    out.mutable_header()->set_revision(attempt.now());
    if (attempt.wrote)
      states[attempt.next()] = std::move(attempt.keys);
    return errc::none;
  }
};

/// Requests over six keys, so that they meet each other often.
class generator {
public:
  explicit generator(std::uint32_t seed) : random_(seed) {}

  int below(int n) {
    return static_cast<int>(random_() % static_cast<std::uint32_t>(n));
  }

  bool one_in(int n) {
    return below(n) == 0;
  }

  TxnRequest txn(std::int64_t revision, int depth = 0) {
    TxnRequest request;
    for (int i = below(3); i > 0; --i)
      fill(*request.add_compare(), revision);
    for (int i = below(4); i > 0; --i)
      fill(*request.add_success(), revision, depth);
    for (int i = below(4); i > 0; --i)
      fill(*request.add_failure(), revision, depth);
    return request;
  }

private:
  std::string key() {
    return std::string(1, static_cast<char>('a' + below(6)));
  }

  std::string end() {
    return one_in(8) ? zero : one_in(2) ? key() : "";
  }

  void fill(Compare& compare, std::int64_t revision) {
    compare.set_key(key());
    compare.set_range_end(end());
    compare.set_target(static_cast<Compare::CompareTarget>(below(5)));
    compare.set_result(static_cast<Compare::CompareResult>(below(4)));
    auto recent = std::max<std::int64_t>(revision - below(5), 0);
    switch (below(6)) {
    case 0:
      compare.set_version(below(3));
      break;
    case 1:
      compare.set_create_revision(recent);
      break;
    case 2:
      compare.set_mod_revision(recent);
      break;
    case 3:
      compare.set_value(std::to_string(below(3)));
      break;
    case 4:
      compare.set_lease(below(3));
      break;
    default:
      break;
    }
  }

  void fill(RequestOp& op, std::int64_t revision, int depth) {
    int kind = below(depth < 3 ? 9 : 7);
    if (kind < 2) {
      auto& range = *op.mutable_request_range();
      range.set_key(key());
      range.set_range_end(end());
      range.set_count_only(one_in(4));
      if (one_in(4))
        range.set_revision(revision + 1 - below(6));
    } else if (kind < 5) {
      auto& put = *op.mutable_request_put();
      put.set_key(key());
      put.set_ignore_value(one_in(6));
      if (!put.ignore_value())
        put.set_value(std::to_string(below(3)));
      put.set_ignore_lease(one_in(6));
      if (!put.ignore_lease() && one_in(4))
        put.set_lease(1 + below(3));
      put.set_prev_kv(one_in(2));
    } else if (kind < 7) {
      auto& deletion = *op.mutable_request_delete_range();
      deletion.set_key(key());
      deletion.set_range_end(end());
      deletion.set_prev_kv(one_in(2));
    } else {
      *op.mutable_request_txn() = txn(revision, depth + 1);
    }
  }

  std::mt19937 random_;
};

class txn_random_test : public test::kv_fixture {};

INSTANTIATE_KV_TESTS(txn_random_test);

TEST_P(txn_random_test, agrees_with_the_naive_reading) {
  int applied = 0;
  std::map<errc, int> failures;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SetUp();
    leases.ids = {1, 2};
    naive_store naive{.leases = leases.ids};
    generator random{seed};
    for (int step = 0; step < 150; ++step) {
      auto request = random.txn(naive.revision());
      if (service::check(request) != errc::none)
        continue;
      auto before = naive.revision();
      TxnResponse expected;
      auto expected_error = naive.apply(request, expected);
      TxnResponse response;
      auto transaction = backend->begin();
      auto error = apply(*transaction, request, response, leases);
      ASSERT_EQ(transaction->changed(), error == errc::none && naive.revision() > before);
      transaction.reset();
      backend->commit();
      auto where = [&] {
        return "seed " + std::to_string(seed) + " step " + std::to_string(step) + "\n"
               + request.DebugString();
      };
      ASSERT_EQ(error, expected_error) << where();
      ++failures[error];
      ASSERT_EQ(revision(), naive.revision()) << where();
      if (error != errc::none)
        continue;
      ++applied;
      ASSERT_EQ(response.DebugString(), expected.DebugString()) << where();
      if (service::is_read_only(request)) {
        TxnResponse read;
        ASSERT_EQ(evaluate(*backend->snapshot(), request, read), errc::none);
        ASSERT_EQ(read.DebugString(), expected.DebugString()) << where();
      }
      if (random.one_in(20) && naive.revision() - 2 > naive.floor) {
        naive.floor = naive.revision() - 2;
        ASSERT_EQ(compact(naive.floor), "none");
      }
    }
  }
  // The rare ways were gone.
  EXPECT_GT(applied, 1000);
  for (auto error :
       {errc::compacted, errc::future_revision, errc::key_not_found, errc::lease_not_found})
    EXPECT_GT(failures[error], 10) << to_string(error);
}

} // namespace
} // namespace troupe::apply
