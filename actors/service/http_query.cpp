#include "actors/service/http_query.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace troupe::service {

namespace {

std::optional<std::string> decode(std::string_view encoded) {
  std::string result;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '+') {
      result += ' ';
    } else if (encoded[i] != '%') {
      result += encoded[i];
    } else {
      unsigned char byte = 0;
      auto digits = encoded.substr(i + 1, 2);
      auto end = digits.data() + digits.size();
      if (digits.size() < 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end)
        return std::nullopt;
      result += static_cast<char>(byte);
      i += 2;
    }
  }
  return result;
}

} // namespace

http_query::http_query(std::string_view encoded) {
  while (!encoded.empty()) {
    auto end = std::min(encoded.find('&'), encoded.size());
    auto pair = encoded.substr(0, end);
    encoded.remove_prefix(std::min(end + 1, encoded.size()));
    if (pair.empty() || pair.find(';') != pair.npos)
      continue;
    auto equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals));
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (name && value)
      pairs_.emplace_back(std::move(*name), std::move(*value));
  }
}

bool http_query::has(std::string_view name) const {
  return std::ranges::any_of(pairs_, [=](const auto& pair) { return pair.first == name; });
}

std::string_view http_query::first(std::string_view name) const {
  auto found = std::ranges::find(pairs_, name,
                                 [](const auto& pair) -> const std::string& { return pair.first; });
  return found == pairs_.end() ? std::string_view{} : found->second;
}

bool http_query::has(std::string_view name, std::string_view value) const {
  return std::ranges::any_of(
    pairs_, [=](const auto& pair) { return pair.first == name && pair.second == value; });
}

} // namespace troupe::service
