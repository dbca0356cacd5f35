#pragma once

#include "actors/recipe/recipe_call.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace troupe::recipe {

/// What is known of a key while calls of this member stand in line with it. Calls that bring the
/// same lease share one.
struct place_in_line {
  /// Calls that have asked for the key and are not over.
  std::size_t calls = 0;
  /// Those of them whose client still waits.
  std::size_t wanted = 0;
  /// A client was told that its key has come to the front.
  bool taken = false;
};

/// By key.
using places_in_line = std::map<std::string, place_in_line>;

/// Lock and Campaign: stands in line with a key of its own until no older key is left.
///
///   granting -> entering -> (proclaiming) -> waiting -> answered
///                   |             |             |
///                   +-------------+-------------+-> leaving -> ended
///
/// Waiting is a look at who stands ahead, then a watch until the last one of those has gone, then a
/// look again: only a look, one transaction that also says whether the own key still exists, ends
/// it. So it does not matter what a watch has missed.
///
/// Who leaves while it is not known whether its key was made asks for it once more and then takes
/// it away, unless it may be somebody else's: another call wants it too, or it was there first and
/// at the front, the lock of an owner who has asked again.
class queue_call : public recipe_call {
public:
  /// @param frame of lock_lock or election_campaign, `body` the request.
  queue_call(call_frame frame, const blob& body, std::shared_ptr<places_in_line> places);
  ~queue_call() override;

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
  void ask_for_place(step s);
  bool others_want_it() const;
  void entered(const etcdserverpb::TxnResponse& response, step s);
  void proclaim(step s);
  void proceed(step s);
  void look(step s);
  void looked(const etcdserverpb::TxnResponse& response, step s);
  void lost(step s);
  void acquired(const etcdserverpb::ResponseHeader& header, step s);
  void look_back(step s);
  void leave(step s);
  void left(step s);

  std::string name_;
  std::string key_;
  std::string value_;
  std::int64_t lease_ = 0;
  /// This call has granted it: nobody else knows it.
  bool own_lease_ = false;
  stage stage_ = stage::granting;
  std::shared_ptr<places_in_line> places_;
  /// In `places_`; end(): before `entering`.
  places_in_line::iterator place_;
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
  /// The client has gone, and the key may have been made.
  bool in_doubt_ = false;
  int leave_attempts_ = 0;
};

} // namespace troupe::recipe
