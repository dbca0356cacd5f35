#pragma once

#include "apps/troupectl/client.hpp"

#include <atomic>
#include <functional>
#include <thread>

namespace troupe::ctl {

/// One renewal on a stream of its own. @throws call_failed, also for a lease that is gone.
pb::LeaseKeepAliveResponse keep_alive_once(client& to, std::int64_t lease);

/// Renews a lease every third of its TTL, over lost connections too, until it is gone.
/// Returns when the lease is gone, when it could not be renewed for its whole TTL, or when
/// `stopped` (asked at least every 100 ms) says so.
/// @throws call_failed if the server refuses the stream.
void keep_alive(client& to, std::int64_t lease,
                const std::function<void(const pb::LeaseKeepAliveResponse&)>& on_renewal,
                const std::function<bool()>& stopped);

/// A lease of our own that lives as long as this, kept alive by a thread: what Go's clients call a
/// session. The lease is left to expire.
class lease_session {
public:
  /// `on_lost` is called, in that thread, when the lease is gone. @throws call_failed
  lease_session(client& to, std::int64_t ttl_seconds, std::function<void()> on_lost);
  ~lease_session();

  lease_session(const lease_session&) = delete;
  lease_session& operator=(const lease_session&) = delete;

  std::int64_t lease() const {
    return lease_;
  }

private:
  std::int64_t lease_;
  std::atomic<bool> stopped_ = false;
  std::thread keeper_;
};

} // namespace troupe::ctl
