#pragma once

#include "actors/watch/event_batch.hpp"
#include "actors/watch/packed_interest.hpp"
#include "actors/watch/session_messages.hpp"
#include "messages/ids.hpp"
#include "messages/proto/rpc.pb.h"

#include <cstddef>
#include <cstdint>

namespace troupe::watch {

/// Who answers, for the header of every `WatchResponse`.
struct response_identity {
  cluster_id cluster;
  member_id member;
};

/// What one answer says beside its events.
struct response_frame {
  std::int64_t watch = 0;
  std::int64_t revision = 0;
  term_t term;
};

/// A response without events.
etcdserverpb::WatchResponse response_of(const response_identity& identity,
                                        const response_frame& frame);

/// The events as one `WatchResponse`, or as several (etcd-semantics 7.7) if it has at least
/// `fragment_bytes` and two events; 0: never. The encodings that the events carry are shared where
/// there is one of them, or all lie in one buffer. Kinds that the interest leaves out are left out;
/// nothing comes back if that is all.
watch_pieces encode_events(const watch_events& events, const packed_interest& interest,
                           const response_identity& identity, const response_frame& frame,
                           std::size_t fragment_bytes);

} // namespace troupe::watch
