#pragma once

#include "messages/rpc_method.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::gateway {

/// A path below the prefixes, and the method it calls. A method may have several.
struct route {
  std::string_view path;
  rpc_method method;
};

/// Every route of etcd 3.6.
std::span<const route> routes();

/// "/v3/" and the prefixes of older releases, which mean the same.
std::span<const std::string_view> path_prefixes();

/// The method of a path such as "/v3/kv/put"; none if there is no such path. Exact, as in etcd.
std::optional<rpc_method> find_route(std::string_view path);

/// The full paths of the methods that take a stream of requests.
std::vector<std::string> streamed_paths();

} // namespace troupe::gateway
