#pragma once

#include "apps/troupectl/client.hpp"
#include "apps/troupectl/watching.hpp"

#include <functional>

/// The recipe behind locks and elections, as Go's concurrency package has it: whoever waits puts a
/// key `<name>/<lease in hex>` bound to its lease; the one whose key was created first holds; each
/// other waits until every key created before its own is gone.
namespace troupe::ctl {

/// Where a client stands in the line of one name.
class waiting_line {
public:
  waiting_line(client& to, const std::string& name, std::int64_t lease);

  /// Puts the key, with `value`; keeps one that is there already. @throws call_failed
  void join(const std::string& value);

  /// Returns when our key is the first, or after cancel(): then false. @throws call_failed
  bool wait();

  /// Ends wait(). From any thread.
  void cancel();

  /// Deletes the key if it is still that of join(). @throws call_failed
  void leave();

  const std::string& key() const {
    return key_;
  }

  /// The key as it is now; no pairs if it is gone. @throws call_failed
  pb::RangeResponse own();

  /// Of the answer that said that we hold.
  std::int64_t held_since() const {
    return held_since_;
  }

private:
  bool wait_for_deletion(const std::string& key, std::int64_t from_revision);

  client& client_;
  std::string prefix_;
  std::string key_;
  std::int64_t lease_;
  std::int64_t created_ = 0;
  std::int64_t held_since_ = 0;
  std::mutex mutex_;
  watching* waiting_ = nullptr;
  bool canceled_ = false;
};

/// Whose turn it is now: a range request for the first key of the line.
pb::RangeRequest first_in_line(const std::string& name);

} // namespace troupe::ctl
