#pragma once

#include "apps/troupectl/client.hpp"

#include <atomic>
#include <mutex>

namespace troupe::ctl {

/// One watch. When its connection is lost it goes on at the next revision on a new one, as Go's
/// client does, for as long as it takes.
class watching {
public:
  watching(client& to, pb::WatchCreateRequest request);

  /// The next events, progress notification or cancellation by the server; not that it was created.
  /// False after cancel(), and after a cancellation was returned.
  /// @throws call_failed if the server refuses the stream.
  bool next(pb::WatchResponse& response);

  /// Asks the server how far this watch is. From any thread.
  void request_progress();

  /// Ends a next() that waits. From any thread.
  void cancel();

private:
  void open();
  bool handle(const pb::WatchResponse& response);
  void wait_before_retry();

  client& client_;
  pb::WatchCreateRequest request_;
  std::mutex mutex_; // of stream_, where other threads use it
  std::unique_ptr<stream> stream_;
  std::atomic<bool> canceled_ = false;
  bool was_open_ = false; // then a cluster that is away is waited for
  bool over_ = false;
};

/// Why the server ended it, in etcdctl's words.
std::string cancel_reason(const pb::WatchResponse& response);

} // namespace troupe::ctl
