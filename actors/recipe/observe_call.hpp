#pragma once

#include "actors/recipe/recipe_call.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace troupe::recipe {

/// Observe: shows the leader's key and every value that it gets; when it is deleted, the next
/// leader's. As with etcd, leaders that came and went in between are not shown.
///
///   asking -> (waiting for somebody) -> following a key -> asking
///
/// For a client that reads slowly a few values are kept. If there are more, the watch is given up
/// and resumed behind the kept ones when they have left: the history keeps the rest. Only if that
/// was compacted meanwhile does the client go straight to the newest value.
class observe_call : public recipe_call {
public:
  /// @param kept what all calls may keep together.
  observe_call(call_frame frame, const blob& body, std::shared_ptr<byte_budget> kept);
  ~observe_call() override;

  void start(step s) override;
  void on_writable(step s) override;

protected:
  void failed(const failure& why, step s) override;
  void again(step s) override;
  void watched(const etcdserverpb::WatchResponse& response, step s) override;

private:
  void ask_for_leader(step s);
  void follow(step s);
  /// @returns false if there was no room: then it was not taken.
  bool show(const mvccpb::KeyValue& kv, etcdserverpb::ResponseHeader header, step s);

  std::string prefix_;
  std::shared_ptr<byte_budget> kept_;
  /// The leader's, when last asked; empty: nobody led, and who comes first will.
  std::string key_;
  /// From where the watch goes on; 0: ask for the leader first.
  std::int64_t next_ = 0;
  /// The mod revision of what was shown last.
  std::int64_t shown_ = 0;
  /// The client has not yet read what was sent last.
  bool blocked_ = false;
  /// The watch was given up for want of room.
  bool paused_ = false;
  std::deque<blob> unsent_;
  std::size_t unsent_bytes_ = 0;
};

} // namespace troupe::recipe
