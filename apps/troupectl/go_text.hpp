#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Text as Go's standard library reads and writes it: etcdctl's output and its errors show it.
namespace troupe::ctl::go {

/// fmt's %q: double quotes, escapes for what is not printable, \x.. for what is not UTF-8.
std::string quote(std::string_view text);

struct unquoted {
  std::string text;
  bool valid = false;
  std::size_t length = 0; // of the literal in the input, with its quotes
};

/// Reads the literal that `text` starts with: in double quotes with escapes, or in back quotes.
unquoted unquote_prefix(std::string_view text);

template <class Number>
struct parsed_number {
  Number value = 0;
  std::string problem; // in strconv's words; empty if it could be read
};

/// strconv.ParseInt and ParseUint for 64 bits. Base 0: by prefix 0x, 0o, 0b, with underscores.
parsed_number<std::int64_t> parse_int(std::string_view text, int base);
parsed_number<std::uint64_t> parse_uint(std::string_view text, int base);

/// time.Duration's String: 1.5ms, 2m0s, 0s.
std::string duration(std::chrono::nanoseconds span);

/// 0011 for 2 and a width of 4; `width` 0: no padding.
std::string hex(std::uint64_t value, int width = 0);

/// Two lower case digits per byte, each pair behind `\x`.
std::string escaped_hex(std::string_view bytes);

/// go-humanize's Bytes: powers of 1000, "20 kB", "2.1 GB".
std::string human_bytes(std::uint64_t bytes);

/// The rune that `text` starts with; `length` 1 and `valid` false if it is not UTF-8.
struct rune {
  char32_t code = 0;
  std::size_t length = 1;
  bool valid = false;
};
rune first_rune(std::string_view text);
void append_utf8(std::string& out, char32_t code);

} // namespace troupe::ctl::go
