#include "apps/troupectl/go_text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <cwctype>
#include <limits>

namespace troupe::ctl::go {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

/// The value of one digit in any base up to 36; 255 if it is none.
int digit_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z')
    return c - 'A' + 10;
  return 255;
}

void append_hex(std::string& out, char32_t code, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    out += hex_digits[(code >> shift) & 15];
}

/// What strconv.IsPrint says, without its table of unassigned code points: control characters,
/// separators other than the blank, format characters, surrogates and private use are not printed.
bool is_printable(char32_t code) {
  if (code < 0x20 || code == 0x7f)
    return false;
  if (code < 0x7f)
    return true;
  if (code < 0xa1 || code == 0xad)
    return false;
  struct range {
    char32_t first, last;
  };
  static constexpr std::array<range, 16> hidden{{{0x600, 0x605},
                                                 {0x61c, 0x61c},
                                                 {0x6dd, 0x6dd},
                                                 {0x70f, 0x70f},
                                                 {0x1680, 0x1680},
                                                 {0x180e, 0x180e},
                                                 {0x2000, 0x200f},
                                                 {0x2028, 0x202f},
                                                 {0x205f, 0x206f},
                                                 {0x3000, 0x3000},
                                                 {0xd800, 0xf8ff},
                                                 {0xfeff, 0xfeff},
                                                 {0xfff0, 0xfffb},
                                                 {0xfffe, 0xffff},
                                                 {0xe0000, 0xe00ff},
                                                 {0xe01f0, 0x10ffff}}};
  for (const auto& one : hidden)
    if (code >= one.first && code <= one.last)
      return false;
  return (code & 0xfffe) != 0xfffe;
}

void append_escaped(std::string& out, char32_t code) {
  switch (code) {
  case '\a':
    out += "\\a";
    return;
  case '\b':
    out += "\\b";
    return;
  case '\f':
    out += "\\f";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  case '\v':
    out += "\\v";
    return;
  default:
    break;
  }
  if (code < ' ' || code == 0x7f) {
    out += "\\x";
    append_hex(out, code, 2);
  } else if (code < 0x10000) {
    out += "\\u";
    append_hex(out, code, 4);
  } else {
    out += "\\U";
    append_hex(out, code, 8);
  }
}

} // namespace

rune first_rune(std::string_view text) {
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  if (text.empty())
    return {};
  auto lead = byte(0);
  if (lead < 0x80)
    return {lead, 1, true};
  std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return {};
  char32_t code = lead & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    return {};
  return {code, length, true};
}

void append_utf8(std::string& out, char32_t code) {
  auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto next = first_rune(text);
    if (!next.valid) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(text[0]), 2);
    } else if (next.code == '"' || next.code == '\\') {
      out += '\\';
      out += static_cast<char>(next.code);
    } else if (is_printable(next.code)) {
      out += text.substr(0, next.length);
    } else {
      append_escaped(out, next.code);
    }
    text.remove_prefix(next.length);
  }
  return out + '"';
}

namespace {

/// One escape behind its backslash, as in a Go string literal; false if it is none.
bool read_escape(std::string_view text, std::size_t& at, std::string& out) {
  if (at == text.size())
    return false;
  auto c = text[at++];
  auto number = [&](int digits, int base, char32_t& value) {
    value = 0;
    for (int i = 0; i < digits; ++i, ++at) {
      if (at == text.size() || digit_value(text[at]) >= base)
        return false;
      value = value * base + digit_value(text[at]);
    }
    return true;
  };
  static constexpr std::string_view letters = "abfnrtv\\\"", meanings = "\a\b\f\n\r\t\v\\\"";
  if (auto known = letters.find(c); known != letters.npos) {
    out += meanings[known];
    return true;
  }
  char32_t value = 0;
  if (c == 'x' || (c >= '0' && c <= '7')) {
    if (c != 'x')
      --at;
    if (!(c == 'x' ? number(2, 16, value) : number(3, 8, value)) || value > 255)
      return false;
    out += static_cast<char>(value);
    return true;
  }
  if ((c != 'u' && c != 'U') || !number(c == 'u' ? 4 : 8, 16, value) || value > 0x10ffff
      || (value >= 0xd800 && value <= 0xdfff))
    return false;
  append_utf8(out, value);
  return true;
}

} // namespace

unquoted unquote_prefix(std::string_view text) {
  unquoted result;
  if (text.starts_with('`')) {
    auto end = text.find('`', 1);
    if (end == text.npos)
      return {};
    return {std::string{text.substr(1, end - 1)}, true, end + 1};
  }
  if (!text.starts_with('"'))
    return {};
  for (std::size_t at = 1; at < text.size();) {
    auto c = text[at++];
    if (c == '"') {
      result.valid = true;
      result.length = at;
      return result;
    }
    if (c == '\n' || (c == '\\' && !read_escape(text, at, result.text)))
      return {};
    if (c != '\\')
      result.text += c;
  }
  return {};
}

namespace {

/// Underscores are allowed between digits, and only in base 0.
bool well_placed_underscores(std::string_view text) {
  return text.find("__") == text.npos && !text.ends_with('_');
}

/// A base of 0 becomes that of the prefix, which is cut off.
int base_of(std::string_view& digits, int base) {
  if (base != 0)
    return base;
  if (digits.size() < 2 || digits[0] != '0')
    return 10;
  auto letter = digits[1] | 0x20;
  int found = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  digits.remove_prefix(found == 0 ? 1 : 2);
  return found == 0 ? 8 : found;
}

enum class reading { good, bad_syntax, out_of_range };

reading read_digits(std::string_view digits, int base, std::uint64_t& value) {
  bool by_prefix = base == 0;
  if (digits.empty() || (by_prefix && digits.starts_with('_')))
    return reading::bad_syntax;
  auto whole = digits;
  base = base_of(digits, base);
  if (digits.empty())
    return whole == "0" ? reading::good : reading::bad_syntax;
  if (!well_placed_underscores(digits))
    return reading::bad_syntax;
  auto result = reading::good;
  for (auto c : digits) {
    if (by_prefix && c == '_')
      continue;
    auto digit = digit_value(c);
    if (digit >= base)
      return reading::bad_syntax;
    if (__builtin_mul_overflow(value, static_cast<std::uint64_t>(base), &value)
        || __builtin_add_overflow(value, static_cast<std::uint64_t>(digit), &value))
      result = reading::out_of_range;
  }
  return result;
}

std::string problem(const char* function, std::string_view text, reading how) {
  if (how == reading::good)
    return {};
  auto why = how == reading::bad_syntax ? "invalid syntax" : "value out of range";
  return std::string{"strconv."} + function + ": parsing " + quote(text) + ": " + why;
}

} // namespace

parsed_number<std::uint64_t> parse_uint(std::string_view text, int base) {
  parsed_number<std::uint64_t> result;
  result.problem = problem("ParseUint", text, read_digits(text, base, result.value));
  return result;
}

parsed_number<std::int64_t> parse_int(std::string_view text, int base) {
  auto digits = text;
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+'))
    digits.remove_prefix(1);
  std::uint64_t magnitude = 0;
  auto how = read_digits(digits, base, magnitude);
  constexpr auto greatest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (how == reading::good && magnitude > greatest + (negative ? 1 : 0))
    how = reading::out_of_range;
  if (how != reading::good)
    return {0, problem("ParseInt", text, how)};
  return {static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude), {}};
}

namespace {

/// `amount` in units of `unit`, with as many decimals as it needs.
std::string with_fraction(std::uint64_t amount, std::uint64_t unit, int digits) {
  auto text = std::to_string(amount / unit);
  auto rest = amount % unit;
  if (rest == 0)
    return text;
  auto decimals = std::to_string(rest);
  decimals.insert(0, digits - decimals.size(), '0');
  return text + "." + decimals.substr(0, decimals.find_last_not_of('0') + 1);
}

} // namespace

std::string duration(std::chrono::nanoseconds span) {
  auto left = static_cast<std::uint64_t>(span.count() < 0 ? -span.count() : span.count());
  std::string sign = span.count() < 0 ? "-" : "";
  if (left == 0)
    return "0s";
  if (left < 1'000)
    return sign + std::to_string(left) + "ns";
  if (left < 1'000'000)
    return sign + with_fraction(left, 1'000, 3) + "µs";
  if (left < 1'000'000'000)
    return sign + with_fraction(left, 1'000'000, 6) + "ms";
  constexpr std::uint64_t minute = 60'000'000'000;
  auto seconds = with_fraction(left % minute, 1'000'000'000, 9) + "s";
  auto minutes = left / minute;
  if (minutes == 0)
    return sign + seconds;
  if (minutes < 60)
    return sign + std::to_string(minutes) + "m" + seconds;
  return sign + std::to_string(minutes / 60) + "h" + std::to_string(minutes % 60) + "m" + seconds;
}

std::string hex(std::uint64_t value, int width) {
  std::array<char, 32> text{};
  auto length = std::snprintf(text.data(), text.size(), "%0*llx", width,
                              static_cast<unsigned long long>(value));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string escaped_hex(std::string_view bytes) {
  std::string out;
  for (unsigned char c : bytes) {
    out += "\\x";
    append_hex(out, c, 2);
  }
  return out;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 10)
    return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 7> units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto unit = static_cast<std::size_t>(std::floor(std::log(bytes) / std::log(1000)));
  auto value = std::floor(static_cast<double>(bytes) / std::pow(1000, unit) * 10 + 0.5) / 10;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text.data();
}

} // namespace troupe::ctl::go
