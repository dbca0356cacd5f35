#pragma once

#include "messages/ids.hpp"

namespace troupe::apply {

/// What a request meets in the state machine beside the keys, as of its place in the log.
class state_view {
public:
  virtual ~state_view() = default;

  /// Whether the lease is granted and not revoked. @pre lease is not 0.
  virtual bool lease_exists(lease_id lease) const = 0;
};

} // namespace troupe::apply
