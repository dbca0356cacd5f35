#pragma once

#include "actors/service/answer_router.hpp"
#include "actors/watch/session.hpp"
#include "messages/clock.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace troupe::watch {

/// To itself: every session that had answers at this moment has handed them over.
struct flush_answers {};

/// Takes the calls of `Watch`: one session each. All answers of sessions leave through it, so that
/// a thousand of them that answer at once wake an edge a few times and not a thousand.
using watch_service_actor = caf::typed_actor<
  // From the service: events of streams, in order per stream.
  caf::reacts_to<call_batch>,
  // From its sessions.
  caf::reacts_to<session_answers>, caf::reacts_to<watch_failed>,
  // Introduces an edge.
  caf::reacts_to<service::edge_joined>,
  // Looks after the progress notifications.
  caf::reacts_to<tick>, caf::reacts_to<flush_answers>>;

struct watch_service_config {
  response_identity identity;
  session_limits limits;
  /// A response of so many bytes is cut, if the watch wants fragments.
  std::size_t fragment_bytes = std::size_t{2} << 20;
  /// At least 100 ms; each stream waits up to a tenth longer, by chance.
  std::chrono::nanoseconds progress_interval = std::chrono::minutes{10};
  std::uint64_t seed = 1;
};

struct watch_service_host {
  watch_service_config config;
  hub_actor hub;
  history_actor history;
  std::shared_ptr<const clock> time;
  metrics::meter meter;

  service::answer_router edges;
  std::mt19937_64 chance;

  struct stream {
    session_actor session;
    std::multimap<time_point, call_id>::iterator timer;
  };

  std::map<call_id, stream> streams;
  /// When the next progress notification of each stream is due.
  std::multimap<time_point, call_id> timers;
  /// Until the next `flush_answers`.
  std::vector<rpc_answer> answers;
};

struct watch_service_state {
  watch_service_state() = default;

  static inline const char* name = "watch.service";

  std::shared_ptr<watch_service_host> host;
};

watch_service_actor::behavior_type
watch_service_behavior(watch_service_actor::stateful_pointer<watch_service_state> self,
                       const std::shared_ptr<watch_service_host>& host);

} // namespace troupe::watch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::flush_answers)
