#pragma once

#include "messages/blob.hpp"
#include "messages/rpc.hpp"

#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Name and value; names in lower case.
using http_header = std::pair<std::string, std::string>;

/// A complete HTTP/1.1 request of the client port. A connection has at most one open at a time, so
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
};

/// The one answer to an `http_request`. Length, date and connection handling are added by the edge;
/// the body is not sent where the request was a HEAD.
struct http_response {
  call_id call;
  unsigned status = 200;
  /// Empty: no content type is sent.
  std::string content_type;
  std::vector<http_header> headers;
  std::string body;
};

} // namespace troupe
