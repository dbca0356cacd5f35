#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace troupe::options {

/// What the text of a flag must be.
enum class flag_kind : std::uint8_t {
  boolean,  // Go's: 1 t T true TRUE True and their opposites; a bare --flag means true
  integer,  // signed
  count,    // 0 or more
  duration, // Go's: 300ms, 1h30m; in a file an integer: nanoseconds
  bytes,    // 0 or more, with an optional k, M, G or T (powers of 1024)
  text,
  list,    // comma separated; a list in a file
  urls,    // comma separated scheme://host:port
  ignored, // anything, also nothing: etcd ignores it without a word
};

/// What we do with a flag that is set.
enum class treatment : std::uint8_t {
  honoured,
  no_effect, // accepted; named in one warning if its value is not the preset
  refused,   // promises what we do not have: start-up fails unless the value is the preset or empty
  old, // of an earlier etcd: accepted with a warning, and passed on to `successor` if it has one
  ignored,
};

/// The headings of the help text, in its order.
enum class flag_group : std::uint8_t {
  member,
  clustering,
  security,
  auth,
  monitoring,
  logging,
  tracing,
  features,
  unsafe,
  troupe,
  old,
};

/// One flag of the server. The same name, with `ETCD_` or `TROUPE_` before it, in upper case and
/// with
/// `_` for `-`, is its environment variable; the name itself is its key in a configuration file.
struct flag {
  std::string_view name;
  flag_kind kind;
  /// The value when nobody sets it, as one would write it.
  std::string_view preset;
  treatment treated;
  /// For a reader of --help. One sentence.
  std::string_view help;
  /// Refused flags only: what is missing.
  std::string_view missing = {};
  /// Old flags only: the name that the setting has today; empty if it has none.
  std::string_view successor = {};
};

struct flag_section {
  flag_group group;
  std::string_view title;
  std::span<const flag> flags;
};

/// Every flag of etcd 3.4 to 3.7 and our own, by group, in the order of the help text.
std::span<const flag_section> flag_sections();

/// Null if no flag has this name.
const flag* find_flag(std::string_view name);

} // namespace troupe::options
