#pragma once

#include "messages/blob.hpp"
#include "messages/rpc.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Name and value; names in lower case.
using http_header = std::pair<std::string, std::string>;

/// An HTTP/1.1 request of the client port. A connection has at most one open at a time, so
/// `call.stream` only counts.
struct http_request {
  call_id call;
  /// As sent, for example "GET".
  std::string method;
  /// The target up to '?', still percent-encoded; begins with '/' or is "*".
  std::string path;
  /// What follows '?', still percent-encoded; empty if there is none.
  std::string query;
  /// Value of `Host`; empty if absent (HTTP/1.0).
  std::string host;
  /// All fields but `Host`, in the order sent.
  std::vector<http_header> headers;
  blob body;
  /// Address of the client, for logs.
  std::string remote;
  /// The body is not complete: the rest follows as `http_event::what::body`. Only on paths for
  /// which the edge was told so.
  bool body_goes_on = false;
};

/// The one answer to an `http_request`, or its beginning. Length, date and connection handling are
/// added by the edge; the body is not sent where the request was a HEAD.
struct http_response {
  call_id call;
  unsigned status = 200;
  /// Empty: no content type is sent.
  std::string content_type;
  std::vector<http_header> headers;
  std::string body;
  /// The body goes on in `http_body_part`s, until one is the last.
  bool body_goes_on = false;
  /// Pages of other origins may read it, as far as the edge allows (CORS).
  bool cross_origin = true;
};

/// The next piece of a body that an `http_response` began; dropped if the request is gone.
struct http_body_part {
  call_id call;
  std::string bytes;
  bool last = false;
};

/// Pieces of many bodies, handed over with one wake-up; order is kept per call.
struct http_body_parts {
  std::vector<http_body_part> parts;
};

/// What became of a request that was handed on and is not answered to its end. Order is kept per
/// call.
struct http_event {
  enum class what : std::uint8_t {
    /// More of the request's body, in `body`.
    body,
    /// Nobody waits any more: the connection ended, or its client fell too far behind.
    gone,
    /// The client has read what was buffered: the next part of a long answer is welcome.
    writable,
  };

  what kind = what::gone;
  call_id call;
  blob body;
  /// With `body`: the request is complete.
  bool last = false;
};

} // namespace troupe
