#pragma once

#include "actors/read/read_core.hpp"
#include "actors/service/answer_router.hpp"
#include "messages/type_ids.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace troupe::read {

/// To itself: the next slice of a hash; what has come meanwhile is answered first.
struct hash_slice {};

/// Answers reads from snapshots; there may be several beside each other. Reads block on the disk:
/// outside of simulation a reader has a thread of its own.
using reader_actor = caf::typed_actor<
  // From the service: reads that may run now.
  caf::reacts_to<read_batch>,
  // From the service: the client of a stream wants more, or has gone.
  caf::reacts_to<read_stream_event>,
  // Time passes; every second or so.
  caf::reacts_to<tick>,
  // Introduces an edge.
  caf::reacts_to<service::edge_joined>, caf::reacts_to<hash_slice>>;

struct reader_host {
  reader_host(read_core core, std::shared_ptr<const clock> time)
      : core(std::move(core)), time(std::move(time)) {}

  read_core core;
  std::shared_ptr<const clock> time;
  service::answer_router edges;
  /// A `hash_slice` is under way.
  bool hashing = false;
};

struct reader_state {
  reader_state() = default;

  static inline const char* name = "reader";

  std::shared_ptr<reader_host> host;
};

reader_actor::behavior_type reader_behavior(reader_actor::stateful_pointer<reader_state> self,
                                            const std::shared_ptr<reader_host>& host);

} // namespace troupe::read

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read::hash_slice)
