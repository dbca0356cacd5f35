#pragma once

#include "messages/proto/rpc.pb.h"

#include <cstdint>

namespace troupe::apply {

/// Operations on the store, for metrics.
struct op_counts {
  std::uint64_t puts = 0;
  std::uint64_t deletes = 0;
  std::uint64_t ranges = 0;
  /// Bytes of the keys and values put.
  std::uint64_t put_bytes = 0;

  std::uint64_t all() const {
    return puts + deletes + ranges;
  }
};

/// What an executed transaction did, the transactions inside of it included: only the branches that
/// `response` says were taken.
op_counts count_ops(const etcdserverpb::TxnRequest& request,
                    const etcdserverpb::TxnResponse& response);

} // namespace troupe::apply
