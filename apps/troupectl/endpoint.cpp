#include "apps/troupectl/endpoint.hpp"

#include <array>

namespace troupe::ctl {

endpoint read_endpoint(std::string_view text) {
  using security = endpoint::security;
  struct scheme {
    std::string_view prefix, replacement;
    security wanted;
  };
  // The longer prefix first.
  static constexpr std::array<scheme, 6> schemes{{{"http://", "", security::plain},
                                                  {"https://", "", security::tls},
                                                  {"unixs://", "unix:", security::tls},
                                                  {"unixs:", "unix:", security::tls},
                                                  {"unix://", "unix:", security::plain},
                                                  {"unix:", "unix:", security::plain}}};
  for (const auto& one : schemes)
    if (text.starts_with(one.prefix))
      return {std::string{one.replacement}.append(text.substr(one.prefix.size())), one.wanted};
  return {std::string{text}, security::by_flags};
}

std::string call_problem(int status, std::string_view message) {
  static constexpr std::array<std::string_view, 17> names{
    "OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated",
  };
  if (message.starts_with("etcdserver: "))
    return std::string{message};
  auto known = status >= 0 && status < static_cast<int>(names.size());
  auto name = known ? std::string{names[status]} : "Code(" + std::to_string(status) + ")";
  return "rpc error: code = " + name + " desc = " + std::string{message};
}

} // namespace troupe::ctl
