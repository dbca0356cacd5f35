#pragma once

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace troupe {

/// From the node, before it ends its actors.
struct stand_down {};

/// Something below the actors failed for good: the store cannot write any more.
struct node_failed {
  std::string reason;
};

struct vital_actor {
  /// How the log calls it.
  std::string name;
  caf::strong_actor_ptr handle;
};

/// Watches the actors that a node cannot live without. If one of them ends by an error, all of them
/// end at once, so that nothing answers any more, and `on_fatal` is told why; it is told once.
using supervisor_actor = caf::typed_actor<
  // One more, once it exists: edges start last.
  caf::reacts_to<vital_actor>,
  // The same as if a vital actor had ended by it.
  caf::reacts_to<node_failed>,
  // The node ends as it should: from now on nobody is told.
  caf::reacts_to<stand_down>>;

struct supervisor_state {
  supervisor_state() = default;

  static inline const char* name = "supervisor";

  /// Ends every vital actor and tells the reason, the first time it is called.
  void fail(const std::string& reason);

  std::vector<vital_actor> vital;
  std::function<void(const std::string&)> on_fatal;
  bool told = false;
};

supervisor_actor::behavior_type
supervisor_behavior(supervisor_actor::stateful_pointer<supervisor_state> self,
                    const std::vector<vital_actor>& vital,
                    const std::function<void(const std::string&)>& on_fatal);

/// Passes failures on to a supervisor that may not exist yet. Callable from every thread.
class failure_relay {
public:
  void connect(const supervisor_actor& supervisor);
  void report(const std::string& reason);

private:
  std::mutex mutex_;
  supervisor_actor supervisor_;
  /// Came before the supervisor.
  std::string early_;
};

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::stand_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::vital_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::node_failed)
