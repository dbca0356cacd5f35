#pragma once

#include "actors/apply/kv_apply.hpp"
#include "actors/read/range_query.hpp"
#include "actors/service/kv_checks.hpp"
#include "test/support/kv_backend.hpp"
#include "test/support/text_message.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace troupe::test {

/// Leases that exist because a test says so.
struct known_leases : apply::state_view {
  std::set<std::int64_t> ids;

  bool lease_exists(lease_id lease) const override {
    return ids.contains(lease.value);
  }
};

/// KV requests in protobuf's text format, taken through checks and apply or read. Each call returns
/// the answer in one line of that format, or "error: " and the name of the code.
class kv_fixture : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override;

  std::string put(const std::string& text);
  std::string delete_range(const std::string& text);
  std::string txn(const std::string& text);

  /// A transaction that only reads, evaluated on a snapshot.
  std::string read_txn(const std::string& text);
  std::string range(const std::string& text);

  /// "none" if the compaction was accepted and done.
  std::string compact(std::int64_t revision);

  /// All keys with all their fields.
  std::string contents();

  std::int64_t revision() {
    return backend->snapshot()->revision();
  }

  std::unique_ptr<kv_backend> backend;
  known_leases leases;

private:
  template <class Request, class Response>
  std::string write(const std::string& text,
                    const std::function<errc(mvcc::write_txn&, const Request&, Response&)>& apply);
};

} // namespace troupe::test

/// Runs the tests of a class derived from kv_fixture on every backend.
#define INSTANTIATE_KV_TESTS(fixture)                                                              \
  INSTANTIATE_TEST_SUITE_P(On, fixture, testing::Values("model", "store"),                         \
                           [](const auto& info) { return info.param; })
