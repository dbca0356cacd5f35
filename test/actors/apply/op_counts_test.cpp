#include "actors/apply/op_counts.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

etcdserverpb::RequestOp put(std::string key, std::string value) {
  etcdserverpb::RequestOp op;
  op.mutable_request_put()->set_key(std::move(key));
  op.mutable_request_put()->set_value(std::move(value));
  return op;
}

etcdserverpb::RequestOp range() {
  etcdserverpb::RequestOp op;
  op.mutable_request_range();
  return op;
}

etcdserverpb::RequestOp deletion() {
  etcdserverpb::RequestOp op;
  op.mutable_request_delete_range();
  return op;
}

TEST(op_counts_test, only_the_branch_that_was_taken_counts) {
  etcdserverpb::TxnRequest request;
  *request.add_success() = put("key", "value");
  *request.add_success() = range();
  *request.add_failure() = deletion();
  etcdserverpb::TxnResponse response;
  response.set_succeeded(true);
  response.add_responses();
  response.add_responses();
  auto taken = count_ops(request, response);
  EXPECT_EQ(taken.puts, 1u);
  EXPECT_EQ(taken.ranges, 1u);
  EXPECT_EQ(taken.deletes, 0u);
  EXPECT_EQ(taken.put_bytes, 8u);
  EXPECT_EQ(taken.all(), 2u);

  etcdserverpb::TxnResponse other;
  other.add_responses();
  EXPECT_EQ(count_ops(request, other).deletes, 1u);
  EXPECT_EQ(count_ops(request, other).puts, 0u);
}

TEST(op_counts_test, transactions_inside_count_by_their_own_branch) {
  etcdserverpb::TxnRequest request;
  auto& inner = *request.add_success()->mutable_request_txn();
  *inner.add_success() = put("a", "b");
  *inner.add_failure() = range();
  *inner.add_failure() = range();
  etcdserverpb::TxnResponse response;
  response.set_succeeded(true);
  auto& answer = *response.add_responses()->mutable_response_txn();
  answer.add_responses();
  answer.add_responses();
  EXPECT_EQ(count_ops(request, response).ranges, 2u);
  EXPECT_EQ(count_ops(request, response).puts, 0u);
}

} // namespace
} // namespace troupe::apply
