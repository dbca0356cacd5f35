#pragma once

#include "actors/metrics/meter.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/service.hpp"
#include "storage/mvcc/digest.hpp"
#include "storage/mvcc/pinned.hpp"
#include "storage/mvcc/store.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::read {

/// Answers Hash and HashKV: one after the other, and slice by slice, so that reading all keys keeps
/// nobody waiting who asks the same reader for a few of them. What the call that is being answered
/// reads is pinned meanwhile.
///
/// HashKV is of the keys as of its revision, whatever compaction has done: equal on all members
/// that hold the same. Where the newest revision is asked for it is also compared with the digest
/// that was kept while writing: a difference is damage of this member's files, and logged.
class hash_queue {
public:
  /// Calls that may wait; one more is refused.
  static constexpr std::size_t max_calls = 64;
  /// About 10 ms.
  static constexpr std::size_t slice_records = 10'000;

  /// Completes the header of an answer, in which the revision is set.
  using header_filler = std::function<void(etcdserverpb::ResponseHeader&)>;

  /// @param store outlives it.
  explicit hash_queue(const mvcc::store& store) : store_(store) {}

  void count_in(metrics::meter meter) {
    meter_ = std::move(meter);
  }

  /// @pre the request is well formed. @returns false if there is no room.
  bool add(const read_call& call);

  /// Nobody waits for it any more.
  void forget(call_id call);

  bool empty() const {
    return calls_.empty();
  }

  /// One slice of the first call. @pre !empty(). @returns the answers that came of it.
  std::vector<rpc_answer> step(time_point now, const header_filler& fill);

private:
  /// The first call, once it has begun.
  struct running {
    std::unique_ptr<mvcc::pinned> state;
    std::int64_t revision;
    mvcc::digest_walk walk;
    time_point begun;
  };

  /// @returns compacted, future_revision.
  errc begin();
  rpc_answer finish(const header_filler& fill);
  void check(std::uint64_t read) const;

  const mvcc::store& store_;
  std::deque<read_call> calls_;
  std::optional<running> running_;
  metrics::meter meter_;
};

} // namespace troupe::read
