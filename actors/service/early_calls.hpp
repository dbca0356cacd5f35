#pragma once

#include "messages/rpc.hpp"

#include <cstddef>
#include <list>
#include <map>
#include <vector>

namespace troupe::service {

/// What clients do while the log is replayed, for services that see nothing of that time. A call is
/// kept whole or not at all, so that what a client has given up is not begun later.
class early_calls {
public:
  /// @param max_bytes of their bodies.
  early_calls(std::size_t max_events, std::size_t max_bytes)
      : max_events_(max_events), max_bytes_(max_bytes) {}

  early_calls(early_calls&&) = default;

  /// Events of calls whose beginning is not kept are passed over; a cancellation takes the call
  /// out.
  /// @returns false if there is no room; then nothing of the call is kept any more.
  bool add(const call_event& event);

  /// All that is kept, as it came.
  std::list<call_event> take();

  /// Events that are kept.
  std::size_t size() const {
    return events_.size();
  }

private:
  void forget(const call_id& call);

  std::size_t max_events_;
  std::size_t max_bytes_;
  std::list<call_event> events_;
  std::size_t bytes_ = 0;
  std::map<call_id, std::vector<std::list<call_event>::iterator>> by_call_;
};

} // namespace troupe::service
