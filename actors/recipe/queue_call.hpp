#pragma once

#include "actors/recipe/recipe_call.hpp"

#include <cstdint>
#include <string>

namespace troupe::recipe {

/// Lock and Campaign: stands in line with a key of its own until no older key is left.
///
///   granting -> entering -> (proclaiming) -> waiting -> answered
///                   |             |             |
///                   +-------------+-------------+-> leaving -> ended
///
/// Waiting is a look at who stands ahead, then a watch until the last one of those has gone, then a
/// look again: only a look, one transaction that also says whether the own key still exists, ends
/// it. So it does not matter what a watch has missed.
class queue_call : public recipe_call {
public:
  /// @param frame of lock_lock or election_campaign, `body` the request.
  queue_call(call_frame frame, const blob& body);

  void start(step s) override;

protected:
  void cancelled(step s) override;
  void failed(const failure& why, step s) override;
  void again(step s) override;
  void watched(const etcdserverpb::WatchResponse& response, step s) override;

private:
  enum class stage : std::uint8_t { granting, entering, proclaiming, waiting, leaving };

  bool campaigns() const;
  void enter(step s);
  void entered(const etcdserverpb::TxnResponse& response, step s);
  void proclaim(step s);
  void proceed(step s);
  void look(step s);
  void looked(const etcdserverpb::TxnResponse& response, step s);
  void lost(step s);
  void acquired(const etcdserverpb::ResponseHeader& header, step s);
  void leave(step s);
  void left(step s);

  std::string name_;
  std::string key_;
  std::string value_;
  std::int64_t lease_ = 0;
  stage stage_ = stage::granting;
  /// The create revision of the own key.
  std::int64_t created_ = 0;
  /// This call has made it; else it was there before.
  bool made_ = false;
  /// The key was the oldest one when this call came.
  bool first_ = false;
  /// Of the transaction that stood in line.
  etcdserverpb::ResponseHeader entered_;
  /// What the client is told once the key is gone; none: it has gone too.
  failure reason_;
  int leave_attempts_ = 0;
};

} // namespace troupe::recipe
