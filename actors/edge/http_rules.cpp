#include "actors/edge/http_rules.hpp"

#include "actors/edge/grpc_wire.hpp"

#include <algorithm>

namespace troupe {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

bool allows_all(const std::vector<std::string>& list) {
  return list.empty() || contains(list, "*");
}

/// `Host` without its port; what is neither "name:port" nor "[address]:port" is taken as it is, as
/// Go's net.SplitHostPort leaves it.
std::string_view name_of(std::string_view host) {
  auto colon = host.rfind(':');
  if (colon == host.npos)
    return host;
  auto name = host.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']'))
    return name.substr(1, name.size() - 2);
  return name.find_first_of("[]:") == name.npos ? name : host;
}

std::string misdirected(std::string_view host) {
  std::string text = "\n"
                     "etcd received your request, but the Host header was unrecognized.\n"
                     "\n"
                     "To fix this, choose one of the following options:\n"
                     "- Enable TLS, then any HTTPS request will be allowed.\n"
                     "- Add the hostname you want to use to the whitelist in settings.\n"
                     "  - e.g. etcd --host-whitelist ";
  append_quoted(text, host);
  return text
         + "\n\nThis requirement has been added to help prevent \"DNS Rebinding\" attacks "
           "(CVE-2018-5702).\n\n";
}

} // namespace

std::string_view http_rules::allowed_origin(std::string_view origin) const {
  if (allows_all(origins))
    return "*";
  return contains(origins, origin) ? origin : std::string_view{};
}

std::optional<http_response> http_rules::answer_at_once(const http_request& request) const {
  if (!allows_all(hosts) && !contains(hosts, name_of(request.host)))
    return http_response{.call = request.call,
                         .status = 421,
                         .content_type = "text/plain; charset=utf-8",
                         .headers = {{"X-Content-Type-Options", "nosniff"}},
                         .body = misdirected(name_of(request.host)),
                         .cross_origin = false};
  if (request.method == "OPTIONS")
    return http_response{.call = request.call, .headers = {}, .body = {}};
  return std::nullopt;
}

bool http_rules::is_gateway_path(std::string_view path) const {
  return std::ranges::any_of(gateway_prefixes,
                             [=](const auto& prefix) { return path.starts_with(prefix); });
}

bool http_rules::streams_body(std::string_view method, std::string_view path) const {
  return method == "POST" && contains(streamed_paths, path);
}

} // namespace troupe
