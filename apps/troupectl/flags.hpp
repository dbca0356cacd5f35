#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Flags by the rules of etcdctl's library (pflag): anywhere among the arguments, `--flag=value`,
/// `--flag value`, `-w json`, `-wjson`, `-w=json`, `--` ends them; a boolean takes a value only
/// after `=`.
namespace troupe::ctl {

enum class flag_kind : std::uint8_t {
  boolean,
  integer,  // 64 bits; as Go, also 0x1f, 0o17 and 0b11
  count,    // the same without a sign
  duration, // Go's: 300ms, 1h30m
  text,
  list, // comma separated; a second one on the command line adds to the first
};

struct flag {
  std::string_view name;
  flag_kind kind;
  /// The value when nobody sets it, as one would write it.
  std::string_view preset;
  std::string_view help;
  char letter = 0; // -w; 0: none
  /// For shell completion, separated by blanks; any other value is the command's to judge.
  std::string_view choices = {};
  /// Why any value but the preset is refused; empty if we honour the flag.
  std::string_view missing = {};
  bool added = false; // beyond etcdctl: unknown when called as that
};

/// What a command line got wrong, in pflag's words.
class flag_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The values of all flags that a command knows; those that nobody set have their presets.
class flag_values {
public:
  explicit flag_values(std::vector<const flag*> known);

  const std::vector<const flag*>& known() const {
    return known_;
  }

  /// Null if there is none.
  const flag* find(std::string_view name) const;
  const flag* find(char letter) const;

  /// @throws flag_error if `text` is no value of this kind; `spelled` is how the user wrote the
  /// flag, for the text of the error.
  void set(const flag& which, std::string_view text, std::string_view spelled);

  /// Set by anybody, also to its preset.
  bool given(std::string_view name) const {
    return given_.contains(name);
  }

  // `name` must be known, and of the kind that the function says.
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  std::uint64_t count(std::string_view name) const;
  std::chrono::nanoseconds duration(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;

private:
  std::vector<const flag*> known_;
  std::map<std::string_view, std::string> text_;
  std::set<std::string_view> given_;
};

struct parsed_arguments {
  flag_values flags;
  std::vector<std::string> positional;
};

/// `--help` and `-h` are known to every command and end the reading: the rest stays unread.
/// @throws flag_error
parsed_arguments parse_arguments(std::span<const std::string> arguments,
                                 std::vector<const flag*> known);

extern const flag help_flag;

/// What is wrong with `text` as a value of this kind, in Go's words; empty if nothing is.
std::string problem_of(flag_kind kind, std::string_view text);

} // namespace troupe::ctl
