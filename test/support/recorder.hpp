#pragma once

#include <caf/actor_system.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace troupe::test {

/// Everything that a stand-in actor has received, by type, oldest first.
template <class... Messages>
class recording {
public:
  template <class Message>
  std::deque<Message>& all() {
    return std::get<std::deque<Message>>(seen_);
  }

  /// Takes the oldest message of this type.
  template <class Message>
  std::optional<Message> take() {
    auto& queue = all<Message>();
    if (queue.empty())
      return std::nullopt;
    auto first = std::move(queue.front());
    queue.pop_front();
    return first;
  }

private:
  std::tuple<std::deque<Messages>...> seen_;
};

/// A stand-in for an actor with one-way messages only: it keeps what it gets and says nothing.
template <class... Messages>
struct recorder {
  using handle = caf::typed_actor<caf::reacts_to<Messages>...>;

  explicit recorder(caf::actor_system& system) {
    using record = std::shared_ptr<recording<Messages...>>;
    // An argument and not a capture: CAF 0.17.6 dereferences a null pointer for functions without
    // arguments, which the sanitizers refuse.
    auto behave = [](typename handle::pointer, const record& seen) ->
      typename handle::behavior_type {
        return {[seen](const Messages& x) { seen->template all<Messages>().push_back(x); }...};
      };
    actor = system.spawn(behave, seen);
  }

  template <class Message>
  std::deque<Message>& all() {
    return seen->template all<Message>();
  }

  template <class Message>
  std::optional<Message> take() {
    return seen->template take<Message>();
  }

  std::shared_ptr<recording<Messages...>> seen = std::make_shared<recording<Messages...>>();
  handle actor;
};

} // namespace troupe::test
