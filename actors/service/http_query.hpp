#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::service {

/// The names and values of an HTTP query, in the order sent, as Go's url.ParseQuery takes them
/// apart: pairs are split at '&', names from values at the first '=', '+' is a blank, %XX is one
/// byte. A pair with a bad escape or a ';' counts as not sent, an empty one too.
class http_query {
public:
  explicit http_query(std::string_view encoded);

  bool has(std::string_view name) const;

  /// The first value of the name; empty if there is none.
  std::string_view first(std::string_view name) const;

  /// Whether one of the values of the name is this one.
  bool has(std::string_view name, std::string_view value) const;

private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

} // namespace troupe::service
