#pragma once

#include "messages/http.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What an edge decides about an HTTP/1.1 request by its header alone.
struct http_rules {
  /// Origins whose pages may read answers (`--cors`), each exactly as browsers send it; "*" or
  /// none at all: every one.
  std::vector<std::string> origins = {"*"};
  /// Names under which a request may address this member (`--host-whitelist`), without port; "*" or
  /// none at all: every one.
  std::vector<std::string> hosts = {"*"};
  /// Paths that begin with one of these are the gateway's; each ends with '/'.
  std::vector<std::string> gateway_prefixes;
  /// The body of a POST to one of these paths is handed on as it arrives and may go on for ever.
  std::vector<std::string> streamed_paths;

  /// The value of Access-Control-Allow-Origin for a request whose `Origin` is this (empty: absent);
  /// empty: no such header.
  std::string_view allowed_origin(std::string_view origin) const;

  /// The answer to a request that is not to be handed on: an unknown host (421), or OPTIONS.
  std::optional<http_response> answer_at_once(const http_request& request) const;

  bool is_gateway_path(std::string_view path) const;

  bool streams_body(std::string_view method, std::string_view path) const;
};

} // namespace troupe
