#pragma once

#include "messages/blob.hpp"
#include "messages/clock.hpp"
#include "messages/errc.hpp"
#include "messages/rpc_method.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// One call of one client. `edge` numbers the edge that holds the connection: the node gives each
/// edge a number and tells the actors that answer which handle has it. `connection` is never reused
/// in the life of an edge; `stream` is the HTTP/2 stream (for HTTP/1.1 a counter).
struct call_id {
  std::uint32_t edge = 0;
  std::uint64_t connection = 0;
  std::int32_t stream = 0;

  friend auto operator<=>(const call_id&, const call_id&) = default;
};

/// What a call brings beside its messages; shared by all events of the call.
struct call_metadata {
  /// Authentication token; empty = none.
  std::string token;
  /// `hasleader: true`: fail at once, or later, when this member knows no leader.
  bool require_leader = false;
  /// Metadata `client-api-version`, for metrics; empty = absent.
  std::string client_api_version;
  /// Address of the client, for logs.
  std::string remote;
};

/// Something a client did. Order is kept per call.
struct call_event {
  enum class what : std::uint8_t {
    /// A call with exactly one request message, complete in `body`: unary or server streaming.
    request,
    /// A client-streaming call began; its messages follow.
    open,
    /// One message of such a call, in `body`.
    message,
    /// The client sends no more messages; it still reads.
    half_close,
    /// Nobody waits any more: the client cancelled, its connection ended or its deadline passed.
    /// Answers are dropped.
    /// A proposal already handed on may still be executed.
    cancel,
    /// The client has read what was buffered for this stream: the next part of a long answer is
    /// welcome.
    writable,
  };

  what kind = what::request;
  call_id call;
  rpc_method method = rpc_method::kv_range;
  blob body;
  /// Set for `request` and `open`.
  std::shared_ptr<const call_metadata> metadata;
  /// When the client gives up; `time_point::max()` = never. On the node's clock.
  time_point deadline = time_point::max();
};

/// All that one read of the socket brought, over all its streams; never empty.
struct call_batch {
  std::vector<call_event> events;
};

/// One step of an answer: a message, the end, or both. A unary success is one `rpc_answer` with
/// message and end.
///
/// With neither, the client gets nothing: it says that all messages of the stream which have no
/// answer of their own were taken. The edge lets a client send only so much ahead of the answers,
/// so whoever takes messages of a stream without answering says this.
struct rpc_answer {
  call_id call;
  /// True: `message` is sent to the client (it may be empty: an empty protobuf message).
  bool has_message = false;
  /// True: the call ends here with `error`.
  bool ends = false;
  errc error = errc::none;
  /// A serialized protobuf message without gRPC framing.
  blob message;
  /// The rest of the same message, where many answers share it: its bytes follow those of
  /// `message` and are never copied for one of them. Only beside `has_message`.
  blob tail;
  /// Replaces the text of `error` in the table when not empty.
  std::string detail;
};

/// Answers for many connections of one edge, handed over with one wake-up; order is kept per call.
struct rpc_answers {
  std::vector<rpc_answer> answers;
};

/// A complete success.
inline rpc_answer reply_with(call_id call, blob message) {
  return {
    .call = call, .has_message = true, .ends = true, .message = std::move(message), .tail = {}};
}

/// A failure.
inline rpc_answer refuse_with(call_id call, errc error, std::string detail = {}) {
  return {.call = call,
          .ends = true,
          .error = error,
          .message = {},
          .tail = {},
          .detail = std::move(detail)};
}

} // namespace troupe
