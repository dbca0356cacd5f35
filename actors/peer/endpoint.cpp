#include "actors/peer/endpoint.hpp"

#include <charconv>

namespace troupe::peer {

namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// What stands before the last colon, without brackets; empty if it is no host.
std::string_view host_of(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    return text.substr(1, text.size() - 2);
  return text.find_first_of("[]:/ ") == std::string_view::npos ? text : std::string_view{};
}

} // namespace

std::optional<endpoint> parse_endpoint(std::string_view url) {
  endpoint result;
  result.tls = take_prefix(url, "https://");
  if (!result.tls && !take_prefix(url, "http://"))
    return std::nullopt;
  if (url.ends_with('/'))
    url.remove_suffix(1);
  auto colon = url.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  auto host = host_of(url.substr(0, colon));
  auto port = url.substr(colon + 1);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.where.port);
  if (host.empty() || error != std::errc{} || end != port.data() + port.size()
      || result.where.port == 0)
    return std::nullopt;
  result.where.host = host;
  return result;
}

} // namespace troupe::peer
