#pragma once

#include "actors/watch/session_core.hpp"
#include "actors/watch/watcher.hpp"

#include <caf/error.hpp>
#include <memory>
#include <vector>

namespace troupe::watch {

/// From session to the watch service, which sends the answers of all sessions on.
struct session_answers {
  call_id call;
  std::vector<rpc_answer> answers;
  /// The session has ended.
  bool over = false;
};

/// From the watch service: the interval of progress notifications has passed.
struct progress_due {};

/// To itself: everybody who had something to say at this moment has said it.
struct flush_session {};

/// One gRPC stream of watches; spawns its watchers and ends them.
using session_actor =
  delivery_sink::extend<caf::reacts_to<call_batch>, caf::reacts_to<watches_registered>,
                        caf::reacts_to<watches_dropped>, caf::reacts_to<progress_point>,
                        caf::reacts_to<progress_due>, caf::reacts_to<flush_session>>;

/// What a session needs of the watch service.
using session_keeper =
  caf::typed_actor<caf::reacts_to<session_answers>, caf::reacts_to<watch_failed>>;

struct session_config {
  call_id call;
  response_identity identity;
  session_limits limits;
  std::size_t fragment_bytes = std::size_t{2} << 20;
  hub_actor hub;
  history_actor history;
  session_keeper keeper;
  metrics::meter meter;
};

struct session_host {
  explicit session_host(const session_config& config)
      : core(config.call, config.identity, config.limits, config.meter), config(config) {}

  session_core core;
  session_config config;
  std::shared_ptr<const watcher_context> context;
  /// By slot.
  std::vector<watcher_actor> watchers;
  /// Until the next `flush_session`.
  std::vector<rpc_answer> answers;
};

struct session_state {
  session_state() = default;

  static inline const char* name = "watch.session";

  std::unique_ptr<session_host> host;
};

session_actor::behavior_type session_behavior(session_actor::stateful_pointer<session_state> self,
                                              const session_config& config);

} // namespace troupe::watch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::session_answers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::progress_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::flush_session)
