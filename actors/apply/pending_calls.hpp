#pragma once

#include "messages/service.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe::apply {

/// Who waits for which proposal of this boot. Each call leaves the table exactly once: applied,
/// refused or out of time.
class pending_calls {
public:
  /// @pre deadlines do not fall from one call to the next.
  void add(const awaited_call& call);

  /// Takes the call that waits for `counter` out; empty if its time was over.
  std::optional<call_id> take(std::uint64_t counter);

  /// Takes out all calls whose deadline is at or before `now`.
  std::vector<call_id> expire(time_point now);

  std::size_t size() const {
    return calls_.size();
  }

private:
  struct due {
    time_point deadline;
    std::uint64_t counter;
  };

  std::unordered_map<std::uint64_t, call_id> calls_;
  /// In the order of their deadlines; holds answered calls too until their time has come.
  std::deque<due> deadlines_;
};

} // namespace troupe::apply
