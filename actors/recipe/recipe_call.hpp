#pragma once

#include "messages/clock.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/rpc.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::recipe {

/// What one step asks of its host.
struct recipe_output {
  /// To the service: calls within the calls.
  std::vector<call_event> inner;
  /// To the edges.
  std::vector<rpc_answer> answers;
};

/// What a step of a call works with.
struct step {
  time_point now;
  recipe_output& out;
};

/// Bytes that all calls together may keep.
class byte_budget {
public:
  explicit byte_budget(std::size_t limit) : left_(limit) {}

  /// @returns false, and takes nothing, if so many are not left.
  bool take(std::size_t bytes) {
    if (bytes > left_)
      return false;
    left_ -= bytes;
    return true;
  }

  void give_back(std::size_t bytes) {
    left_ += bytes;
  }

private:
  std::size_t left_;
};

/// What a call is told about itself when it begins.
struct call_frame {
  /// The client's.
  call_id client;
  /// `edge` and `connection` of all its inner calls; `stream` counts them.
  call_id inner;
  rpc_method method = rpc_method::lock_lock;
  std::shared_ptr<const call_metadata> metadata;
  /// How long an inner call that is no watch may take.
  std::chrono::nanoseconds inner_timeout{};
  /// How long to wait before what failed for a passing reason is done again.
  std::chrono::nanoseconds pause{};
};

/// Why an inner call failed.
struct failure {
  errc error = errc::none;
  /// The whole text for a client.
  std::string text;

  /// Whether the same may succeed a little later: a leader was missing or changed, or there was too
  /// much to do.
  bool passes() const;

  /// Whether what was asked for may have been executed, or may be yet.
  bool leaves_open() const;
};

/// One call of a client, carried out by calls of our own to the service: at most one is open at a
/// time. Derived classes say which follows which.
class recipe_call {
public:
  explicit recipe_call(call_frame frame) : frame_(std::move(frame)) {}

  recipe_call(const recipe_call&) = delete;
  recipe_call& operator=(const recipe_call&) = delete;
  virtual ~recipe_call() = default;

  virtual void start(step s) = 0;

  /// An answer to an inner call; one that is not open any more is passed over.
  void on(const rpc_answer& answer, step s);

  /// Nobody waits any more. The call may go on until nothing of it is left behind.
  void cancel(step s);

  /// The client has read what it got.
  virtual void on_writable(step) {}

  /// @pre wake() has come.
  void on_time(step s);

  /// When it wants to be looked at again whatever happens; max: never.
  time_point wake() const {
    return done_ ? time_point::max() : wake_;
  }

  /// True: nothing is left to do, and the client has its answer or has gone.
  bool done() const {
    return done_;
  }

  const call_id& client() const {
    return frame_.client;
  }

protected:
  /// The client has gone. Does nothing more, unless overridden.
  virtual void cancelled(step s);

  /// The inner call that was open has failed.
  virtual void failed(const failure& why, step s) = 0;

  /// The time of `try_again` has come.
  virtual void again(step) {}

  /// A message of the open watch.
  virtual void watched(const etcdserverpb::WatchResponse&, step) {}

  /// Opens an inner call. @pre none is open. @param then gets the answer, and the step it came in,
  /// unless the call fails.
  template <class Response>
  void ask(rpc_method method, const google::protobuf::MessageLite& request,
           std::function<void(const Response&, step)> then, step s) {
    then_ = [then = std::move(then)](const std::string& bytes, step at) {
      Response response;
      if (!response.ParseFromString(bytes))
        return false;
      then(response, at);
      return true;
    };
    open_request(method, request, s);
  }

  /// Opens a watch. @pre no inner call is open.
  void watch(const etcdserverpb::WatchCreateRequest& request, step s);

  /// Gives up the open inner call, if any: a write may still be executed.
  void drop(step s);

  /// Calls `again` after a pause. @pre no inner call is open.
  void try_again(step s);

  /// Answer the client and end; no answer if the client has gone.
  void succeed(const google::protobuf::MessageLite& answer, step s);
  void refuse(errc error, step s);
  void refuse(const failure& why, step s);

  /// Sends the client one message of a stream.
  void send(blob message, step s) const;

  void finish(step s);

  bool client_gone() const {
    return gone_;
  }

  const call_frame& frame() const {
    return frame_;
  }

private:
  enum class inner : std::uint8_t { none, request, watch };

  void open_request(rpc_method method, const google::protobuf::MessageLite& request, step s);
  void fail(const failure& why, step s);
  call_event event(call_event::what kind, blob body) const;

  call_frame frame_;
  inner open_ = inner::none;
  rpc_method open_method_ = rpc_method::kv_range;
  /// @returns false if the bytes are no such answer.
  std::function<bool(const std::string& bytes, step s)> then_;
  time_point wake_ = time_point::max();
  bool gone_ = false;
  bool done_ = false;
};

/// The request in the body of a call. @pre the body was accepted by request_parser.
template <class Request>
Request read(const blob& body) {
  Request request;
  request.ParseFromArray(body.view().data(), static_cast<int>(body.size()));
  return request;
}

} // namespace troupe::recipe
