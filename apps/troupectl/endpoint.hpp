#pragma once

#include <string>
#include <string_view>

namespace troupe::ctl {

/// An address as gRPC wants it.
struct endpoint {
  enum class security { by_flags, plain, tls };

  std::string target; // host:port, or unix:path
  security wanted = security::by_flags;
};

/// Reads "host:port", "http://host:port", "https://...", "unix:path", "unixs:path".
endpoint read_endpoint(std::string_view text);

/// etcdctl's words for a failed call: the bare text of etcd's own errors, else
/// "rpc error: code = Unimplemented desc = ...". `status` is gRPC's number.
std::string call_problem(int status, std::string_view message);

} // namespace troupe::ctl
