#include "actors/edge/grpc_wire.hpp"

#include "messages/rpc_method.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono;

std::optional<nanoseconds> timeout_unit(char unit) {
  switch (unit) {
  case 'H':
    return hours{1};
  case 'M':
    return minutes{1};
  case 'S':
    return seconds{1};
  case 'm':
    return milliseconds{1};
  case 'u':
    return microseconds{1};
  case 'n':
    return nanoseconds{1};
  default:
    return std::nullopt;
  }
}

constexpr char hex_digits[] = "0123456789ABCDEF";

// Reserving what a client merely announces would let it take memory without sending anything.
constexpr std::size_t max_reserved_bytes = 65'536;

} // namespace

std::optional<nanoseconds> parse_grpc_timeout(std::string_view value, std::string& text) {
  auto fail = [&](std::string_view what, std::string_view shown) -> std::optional<nanoseconds> {
    text = "transport: ";
    text += what;
    append_quoted(text, shown);
    return std::nullopt;
  };
  if (value.size() < 2)
    return fail("timeout string is too short: ", value);
  if (value.size() > 9)
    return fail("timeout string is too long: ", value);
  auto unit = timeout_unit(value.back());
  if (!unit)
    return fail("timeout unit is not recognized: ", value);
  auto digits = value.substr(0, value.size() - 1);
  std::int64_t count = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc{} || end != digits.data() + digits.size() || count < 0) {
    text = "strconv.ParseInt: parsing ";
    append_quoted(text, digits);
    text += ": invalid syntax";
    return std::nullopt;
  }
  if (count > std::numeric_limits<std::int64_t>::max() / unit->count())
    return nanoseconds::max();
  return *unit * count;
}

bool is_grpc_content_type(std::string_view value) {
  constexpr std::string_view base = "application/grpc";
  if (!value.starts_with(base))
    return false;
  return value.size() == base.size() || value[base.size()] == '+' || value[base.size()] == ';';
}

std::optional<std::size_t> find_bad_base64(std::string_view value) {
  auto is_digit = [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/'; };
  auto digits = value;
  if (value.size() % 4 == 0)
    for (int i = 0; i < 2 && digits.ends_with('='); ++i)
      digits.remove_suffix(1);
  auto bad = std::find_if_not(digits.begin(), digits.end(), is_digit);
  if (bad != digits.end())
    return static_cast<std::size_t>(bad - digits.begin());
  // A single digit of a group holds no whole byte.
  if (digits.size() % 4 == 1)
    return digits.size();
  return std::nullopt;
}

void append_percent_encoded(std::string& to, std::string_view text) {
  for (unsigned char c : text) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      to += static_cast<char>(c);
    } else {
      to += '%';
      to += hex_digits[c >> 4];
      to += hex_digits[c & 15];
    }
  }
}

void append_quoted(std::string& to, std::string_view text) {
  constexpr char lower_hex[] = "0123456789abcdef";
  to += '"';
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      to += '\\';
    if (c >= 0x20 && c < 0x7f) {
      to += static_cast<char>(c);
    } else {
      to += "\\x";
      to += lower_hex[c >> 4];
      to += lower_hex[c & 15];
    }
  }
  to += '"';
}

grpc_refusal refuse_path(std::string_view path) {
  auto name = path;
  if (name.starts_with('/'))
    name.remove_prefix(1);
  auto slash = name.rfind('/');
  if (slash == std::string_view::npos) {
    std::string text = "malformed method name: ";
    append_quoted(text, path);
    return {grpc_code::unimplemented, std::move(text)};
  }
  std::string service{name.substr(0, slash)};
  auto shapes = rpc_shapes();
  auto known = std::any_of(shapes.begin(), shapes.end(),
                           [&](const rpc_shape& shape) { return shape.service == service; });
  if (!known)
    return {grpc_code::unimplemented, "unknown service " + service};
  std::string method{name.substr(slash + 1)};
  return {grpc_code::unimplemented, "unknown method " + method + " for service " + service};
}

void message_assembler::reset(std::size_t max_message_bytes) {
  max_ = max_message_bytes;
  have_prefix_ = 0;
  length_ = 0;
  body_ = {};
  refusal_.text.clear();
}

bool message_assembler::read_prefix() {
  length_ = std::size_t{prefix_[1]} << 24 | std::size_t{prefix_[2]} << 16
            | std::size_t{prefix_[3]} << 8 | prefix_[4];
  // grpc-go looks at the length before the flag.
  if (length_ > max_) {
    refusal_ = {grpc_code::resource_exhausted, "grpc: received message larger than max ("
                                                 + std::to_string(length_) + " vs. "
                                                 + std::to_string(max_) + ")"};
    return false;
  }
  if (prefix_[0] == 0)
    return true;
  if (prefix_[0] == 1)
    refusal_ = {grpc_code::internal, "grpc: compressed flag set with identity or empty encoding"};
  else
    refusal_ = {grpc_code::internal,
                "grpc: received unexpected payload format " + std::to_string(prefix_[0])};
  return false;
}

message_assembler::result message_assembler::feed(std::string_view& bytes) {
  if (have_prefix_ < prefix_size) {
    auto n = std::min(bytes.size(), prefix_size - have_prefix_);
    std::copy_n(bytes.begin(), n, prefix_ + have_prefix_);
    have_prefix_ += n;
    bytes.remove_prefix(n);
    if (have_prefix_ < prefix_size)
      return result::more;
    if (!read_prefix())
      return result::bad;
    body_.reserve(std::min(length_, max_reserved_bytes));
  }
  auto n = std::min(bytes.size(), length_ - body_.size());
  body_.append(bytes.substr(0, n));
  bytes.remove_prefix(n);
  return body_.size() == length_ ? result::message : result::more;
}

std::string message_assembler::take() {
  have_prefix_ = 0;
  length_ = 0;
  return std::exchange(body_, {});
}

} // namespace troupe
