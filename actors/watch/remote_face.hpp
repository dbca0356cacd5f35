#pragma once

#include "actors/watch/remote_handles.hpp"
#include "actors/watch/remote_watcher.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace troupe::watch {

struct face_config {
  std::shared_ptr<const remote_context> context;
  /// Where the watchers live: the system of the hub, which tells them apart by their actor ids.
  caf::actor_system* core = nullptr;
  std::size_t max_subscriptions = 10'000;
};

struct face_state {
  face_state() = default;

  static inline const char* name = "watch.remote_face";

  struct entry {
    caf::strong_actor_ptr subscriber;
    remote_watcher_actor watcher;
  };

  face_config config;
  std::uint64_t last_number = 0;
  std::map<std::uint64_t, entry> subscriptions;
  /// The subscription of a subscriber, and that of a watcher.
  std::map<caf::actor_addr, std::uint64_t> numbers;
};

/// Takes subscriptions of other programs and hands them what they wait for.
face_actor::behavior_type face_behavior(face_actor::stateful_pointer<face_state> self,
                                        const face_config& config);

} // namespace troupe::watch
