#include "apps/troupe/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace troupe::options {

namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);
  Number result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return result;
}

struct duration_unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

constexpr auto duration_units = std::to_array<duration_unit>({
  {"ns", 1},
  {"us", 1'000},
  {"µs", 1'000},
  {"μs", 1'000},
  {"ms", 1'000'000},
  {"s", 1'000'000'000},
  {"m", 60'000'000'000},
  {"h", 3'600'000'000'000},
});

/// Takes "1.5h" from the front of `text` and adds it to `total`; false if there is no such thing or
/// the sum does not fit.
bool take_duration_part(std::string_view& text, std::int64_t& total) {
  auto number_end = std::min(text.find_first_not_of("0123456789."), text.size());
  auto number = text.substr(0, number_end);
  text.remove_prefix(number_end);
  auto unit_end = std::min(text.find_first_of("0123456789."), text.size());
  auto unit = std::ranges::find(duration_units, text.substr(0, unit_end), &duration_unit::name);
  text.remove_prefix(unit_end);
  if (unit == duration_units.end() || number.find_first_not_of('.') == number.npos)
    return false;
  auto dot = number.find('.');
  auto whole = number.substr(0, dot);
  auto fraction = dot == number.npos ? std::string_view{} : number.substr(dot + 1);
  std::int64_t count = 0;
  if (!whole.empty()) {
    auto parsed = parse_number<std::int64_t>(whole);
    if (!parsed)
      return false;
    count = *parsed;
  }
  if (__builtin_mul_overflow(count, unit->nanoseconds, &count)
      || __builtin_add_overflow(total, count, &total))
    return false;
  long double part = 0;
  long double scale = static_cast<long double>(unit->nanoseconds) / 10;
  for (char digit : fraction) {
    if (digit == '.')
      return false;
    part += (digit - '0') * scale;
    scale /= 10;
  }
  return !__builtin_add_overflow(total, static_cast<std::int64_t>(part + 1e-6L), &total);
}

std::string text_before(std::string_view text, std::string_view separator) {
  return std::string{text.substr(0, text.find(separator))};
}

/// Reads "host:port" or "[host]:port"; false if `text` has not this form.
bool parse_host_port(std::string_view text, url& result) {
  auto colon = text.rfind(':');
  if (colon == text.npos)
    return false;
  auto host = text.substr(0, colon);
  auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  if (!port || (!bracketed && host.find(':') != host.npos) || host.find('@') != host.npos
      || host.find_first_of("[]") != host.npos)
    return false;
  result.host = host;
  result.port = *port;
  return true;
}

std::string parse_url(const std::string& text, url& result) {
  auto mark = text.find("://");
  result.scheme = text_before(text, "://");
  if (mark == text.npos
      || (result.scheme != "http" && result.scheme != "https" && result.scheme != "unix"
          && result.scheme != "unixs"))
    return "URL scheme must be http, https, unix, or unixs: " + text;
  auto rest = text.substr(mark + 3);
  if (result.scheme.starts_with("unix")) {
    result.host = rest;
    return {};
  }
  if (!parse_host_port(text_before(rest, "/"), result))
    return "URL address does not have the form \"host:port\": " + text;
  if (rest.find_first_of("/?#") != rest.npos)
    return "URL must not contain a path: " + text;
  return {};
}

} // namespace

std::optional<bool> parse_boolean(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes)
      return true;
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no)
      return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  return parse_number<std::int64_t>(text);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse_number<std::uint64_t>(text);
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+'))
    text.remove_prefix(1);
  if (text == "0")
    return std::chrono::nanoseconds{0};
  if (text.empty())
    return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty())
    if (!take_duration_part(text, total))
      return std::nullopt;
  return std::chrono::nanoseconds{negative ? -total : total};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  auto number_end = std::min(text.find_first_not_of("0123456789"), text.size());
  auto number = parse_count(text.substr(0, number_end));
  auto suffix = text.substr(number_end);
  int shift = 0;
  if (!suffix.empty()) {
    constexpr std::string_view letters = "kMGT";
    auto letter = letters.find(suffix[0] == 'K' ? 'k' : suffix[0]);
    if (letter == letters.npos
        || (suffix.size() > 1 && suffix.substr(1) != "B" && suffix.substr(1) != "iB"))
      return std::nullopt;
    shift = 10 * (static_cast<int>(letter) + 1);
  }
  if (!number || (*number << shift) >> shift != *number)
    return std::nullopt;
  return *number << shift;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    auto part = text.substr(0, comma);
    auto first = part.find_first_not_of(" \t");
    if (first != part.npos)
      result.emplace_back(part.substr(first, part.find_last_not_of(" \t") - first + 1));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return result;
}

std::string url::to_string() const {
  if (scheme.starts_with("unix"))
    return scheme + "://" + host;
  bool bracketed = host.find(':') != host.npos;
  return scheme + "://" + (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

url_list parse_urls(std::string_view text) {
  url_list result;
  auto parts = split_list(text);
  if (parts.empty())
    result.problem = "no valid URLs given";
  for (const auto& part : parts) {
    result.problem = parse_url(part, result.urls.emplace_back());
    if (!result.problem.empty())
      return result;
  }
  std::ranges::sort(result.urls, {}, &url::to_string);
  auto [first, last] = std::ranges::unique(result.urls);
  result.urls.erase(first, last);
  return result;
}

std::string problem_of(flag_kind kind, std::string_view text) {
  auto verdict = [](bool good) -> std::string { return good ? "" : "parse error"; };
  switch (kind) {
  case flag_kind::boolean:
    return verdict(parse_boolean(text).has_value());
  case flag_kind::integer:
    return verdict(parse_integer(text).has_value());
  case flag_kind::count:
    return verdict(parse_count(text).has_value());
  case flag_kind::duration:
    return verdict(parse_duration(text).has_value());
  case flag_kind::bytes:
    return verdict(parse_bytes(text).has_value());
  case flag_kind::urls:
    return parse_urls(text).problem;
  default:
    return {};
  }
}

} // namespace troupe::options
