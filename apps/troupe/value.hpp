#pragma once

#include "apps/troupe/flag_table.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Texts of flags as values, by the rules of Go's flag package. Nothing here throws.
namespace troupe::options {

std::optional<bool> parse_boolean(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<std::uint64_t> parse_count(std::string_view text);

/// A signed sum of decimal numbers with a unit each (ns, us, µs, ms, s, m, h): "1h30m", "-1.5s",
/// "0".
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// A count with an optional k, M, G or T, also as KiB, MB and so on; all are powers of 1024.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// Splits at commas; blanks around a part and empty parts go away.
std::vector<std::string> split_list(std::string_view text);

/// An address in etcd's form.
struct url {
  std::string scheme; // http, https, unix or unixs
  std::string host;   // an IPv6 literal has no brackets here; for unix(s): the whole path
  std::uint16_t port = 0;

  std::string to_string() const;

  friend auto operator<=>(const url&, const url&) = default;
};

/// `problem` is in etcd's words where etcd has them.
struct url_list {
  std::vector<url> urls; // sorted by text, no two equal
  std::string problem;   // empty if all of them could be read
};

/// At least one URL of the form scheme://host:port, no path.
url_list parse_urls(std::string_view text);

/// What is wrong with `text` as a value of this kind, in Go's words; empty if nothing is.
std::string problem_of(flag_kind kind, std::string_view text);

} // namespace troupe::options
