#pragma once

#include "apps/troupe/flag_table.hpp"
#include "apps/troupe/value.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::options {

/// Start-up cannot go on. `what()` is for people.
class option_error : public std::runtime_error {
public:
  /// etcd's exit codes: 2 for a command line that cannot be read, 1 for what it asks.
  option_error(int exit_code, const std::string& text)
      : std::runtime_error{text}, exit_code{exit_code} {}

  int exit_code;
};

/// What was set, by whatever way, as checked text; all else has its preset.
class settings {
public:
  /// The last one counts.
  /// @pre problem_with(which, text) is empty.
  void set(const flag& which, std::string text);

  bool is_set(std::string_view name) const;

  /// True if it is set to something that differs in meaning from the preset.
  bool differs(const flag& which) const;

  /// @pre the flag exists; the typed ones also: it has this kind.
  std::string text(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  std::uint64_t count(std::string_view name) const;
  std::uint64_t bytes(std::string_view name) const;
  std::chrono::nanoseconds duration(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
  std::vector<url> urls(std::string_view name) const;

  /// The flags that were set, by name.
  const std::map<std::string, const flag*, std::less<>>& flags() const {
    return flags_;
  }

private:
  std::map<std::string, const flag*, std::less<>> flags_;
  std::map<std::string, std::string, std::less<>> texts_;
};

/// Why `text` is no value of `which`; empty if it is one. An empty text is a value where the preset
/// is empty.
std::string problem_with(const flag& which, std::string_view text);

} // namespace troupe::options
