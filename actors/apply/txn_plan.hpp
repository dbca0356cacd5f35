#pragma once

#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/source.hpp"

#include <cstddef>
#include <vector>

namespace troupe::apply {

/// The branches that a transaction and those nested in its chosen branch take, decided at once by
/// the state before any write. In the order in which a walk over the chosen operations meets the
/// transactions: with nested N1 and N2, N1 holding N3, that is outermost, N1, N3, N2.
class txn_plan {
public:
  txn_plan(const mvcc::source& before, const etcdserverpb::TxnRequest& request) {
    decide(before, request);
  }

  /// Why the comparisons could not be decided: errc::compacted, if history was removed under a
  /// snapshot. Never in the applier.
  errc error() const {
    return error_;
  }

  /// One walk; asks once per transaction, in the order above.
  class walk {
  public:
    explicit walk(const txn_plan& plan) : plan_(plan) {}

    bool next_succeeds() {
      return plan_.succeeds_[next_++];
    }

  private:
    const txn_plan& plan_;
    std::size_t next_ = 0;
  };

private:
  void decide(const mvcc::source& before, const etcdserverpb::TxnRequest& request);

  bool holds(const mvcc::source& before, const etcdserverpb::Compare& compare);

  std::vector<bool> succeeds_;
  errc error_ = errc::none;
};

/// The operations of the branch taken.
inline const google::protobuf::RepeatedPtrField<etcdserverpb::RequestOp>&
branch(const etcdserverpb::TxnRequest& request, bool succeeds) {
  return succeeds ? request.success() : request.failure();
}

} // namespace troupe::apply
