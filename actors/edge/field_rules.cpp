#include "actors/edge/field_rules.hpp"

#include <algorithm>
#include <array>
#include <nghttp2/nghttp2.h>

namespace troupe {

namespace {

constexpr std::array<std::string_view, 4> pseudo_fields{":method", ":scheme", ":path",
                                                        ":authority"};

/// Those that no request can do without.
constexpr std::uint8_t required = 0b0111;

/// Of HTTP/1.1; they have no place here.
constexpr std::array<std::string_view, 5> connection_fields{
  "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

const std::uint8_t* bytes(std::string_view x) {
  return reinterpret_cast<const std::uint8_t*>(x.data());
}

bool is_value(std::string_view x) {
  return nghttp2_check_header_value(bytes(x), x.size()) != 0;
}

bool is_upper(char c) {
  return 'A' <= c && c <= 'Z';
}

} // namespace

field_rules::verdict field_rules::on(std::string_view name, std::string_view value) {
  if (name.starts_with(':'))
    return on_pseudo(name, value);
  regular_ = true;
  if (std::ranges::any_of(name, is_upper)
      || std::ranges::find(connection_fields, name) != connection_fields.end()
      || (name == "te" && value != "trailers"))
    return verdict::malformed;
  bool readable = nghttp2_check_header_name(bytes(name), name.size()) != 0 && is_value(value);
  return readable ? verdict::good : verdict::ignored;
}

field_rules::verdict field_rules::on_pseudo(std::string_view name, std::string_view value) {
  auto found = std::ranges::find(pseudo_fields, name);
  if (regular_ || found == pseudo_fields.end() || value.empty() || !is_value(value))
    return verdict::malformed;
  auto bit = static_cast<std::uint8_t>(1U << (found - pseudo_fields.begin()));
  if ((seen_ & bit) != 0)
    return verdict::malformed;
  seen_ |= bit;
  return verdict::good;
}

bool field_rules::complete() const {
  return (seen_ & required) == required;
}

} // namespace troupe
