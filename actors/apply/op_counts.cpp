#include "actors/apply/op_counts.hpp"

#include <algorithm>

namespace troupe::apply {

namespace {

void add_ops(const etcdserverpb::TxnRequest& request, const etcdserverpb::TxnResponse& response,
             op_counts& to) {
  const auto& taken = response.succeeded() ? request.success() : request.failure();
  auto size = std::min(taken.size(), response.responses_size());
  for (int i = 0; i < size; ++i) {
    switch (taken[i].request_case()) {
    case etcdserverpb::RequestOp::kRequestRange:
      to.ranges += 1;
      break;
    case etcdserverpb::RequestOp::kRequestPut:
      to.puts += 1;
      to.put_bytes += taken[i].request_put().key().size() + taken[i].request_put().value().size();
      break;
    case etcdserverpb::RequestOp::kRequestDeleteRange:
      to.deletes += 1;
      break;
    case etcdserverpb::RequestOp::kRequestTxn:
      add_ops(taken[i].request_txn(), response.responses(i).response_txn(), to);
      break;
    case etcdserverpb::RequestOp::REQUEST_NOT_SET:
      break;
    }
  }
}

} // namespace

op_counts count_ops(const etcdserverpb::TxnRequest& request,
                    const etcdserverpb::TxnResponse& response) {
  op_counts result;
  add_ops(request, response, result);
  return result;
}

} // namespace troupe::apply
