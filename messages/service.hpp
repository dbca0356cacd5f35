#pragma once

#include "messages/clock.hpp"
#include "messages/raft.hpp"
#include "messages/rpc.hpp"

#include <cstdint>
#include <vector>

namespace troupe {

/// A client that waits for a proposal to be applied.
struct awaited_call {
  std::uint64_t counter = 0;
  call_id call;
  /// After this the client is told `errc::timeout`; the proposal's fate stays unknown.
  time_point deadline = time_point::max();
};

/// To the applier, before the proposals of these counters go to member: it alone answers for them.
struct await_applied {
  std::vector<awaited_call> calls;
};

/// One read that may run now: its state is new enough.
struct read_call {
  call_id call;
  rpc_method method = rpc_method::kv_range;
  blob body;
  /// After this nobody waits for the answer.
  time_point deadline = time_point::max();
};

/// To a reader: all of these from one snapshot, taken after this message arrived.
struct read_batch {
  std::vector<read_call> calls;
  /// Leadership as last heard, for response headers and Status.
  raft_status raft;
  log_index applied;
};

/// To the store keeper: these wait until all of the store has been rewritten without what nobody
/// can read any more.
struct defragment {
  std::vector<call_id> calls;
};

/// To the reader that holds a streamed answer: the client wants more of it, or has gone.
struct read_stream_event {
  call_id call;
  bool cancelled = false;
};

} // namespace troupe
