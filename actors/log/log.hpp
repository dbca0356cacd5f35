#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The process's log: lines with named fields, as etcd's tools read them.
///
///   log::info("set initial cluster version", {{"cluster-version", "3.6"}});
namespace troupe::log {

/// etcd's levels. None of them ends the process.
enum class level : std::uint8_t { debug, info, warn, error, panic, fatal };

/// Reads "debug", "info", "warn", "error", "panic" or "fatal".
std::optional<level> parse_level(std::string_view name);

/// `json` is one object per line; `console` is for people: blank-separated, coloured on a terminal.
enum class format : std::uint8_t { automatic, json, console };

struct settings {
  level least = level::info;
  /// `automatic`: console on a terminal, json elsewhere, for each output on its own.
  format shape = format::automatic;
  /// "default" and "stderr", "stdout", "systemd/journal", or the path of a file that is appended
  /// to.
  std::vector<std::string> outputs = {"default"};
};

/// Replaces the outputs; before the first call: stderr at level info. Callable at any time.
/// @throws std::runtime_error if an output cannot be opened; the old ones stay.
void configure(const settings& wanted);

/// The value of a field. Numbers stay numbers in JSON; a duration reads like "150.1ms".
using value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string,
                           std::vector<std::string>, std::chrono::nanoseconds>;

/// A named value of a line.
class field {
public:
  template <class T>
  field(std::string_view name, T&& x) : name{name}, content{to_value(std::forward<T>(x))} {}

  std::string_view name;
  value content;

private:
  static value to_value(bool x) {
    return x;
  }

  template <std::integral T>
  requires(!std::same_as<T, bool>) static value to_value(T x) {
    if constexpr (std::signed_integral<T>)
      return static_cast<std::int64_t>(x);
    else
      return static_cast<std::uint64_t>(x);
  }

  static value to_value(double x) {
    return x;
  }

  static value to_value(std::string_view x) {
    return std::string{x};
  }

  static value to_value(const char* x) {
    return std::string{x};
  }

  static value to_value(std::string x) {
    return x;
  }

  static value to_value(const std::filesystem::path& x) {
    return x.string();
  }

  static value to_value(std::vector<std::string> x) {
    return x;
  }

  static value to_value(std::chrono::nanoseconds x) {
    return x;
  }
};

using fields = std::initializer_list<field>;
using place = std::source_location;

/// Whether a line of this level would be written anywhere.
bool enabled(level at);

/// Writes one line. `message` is constant text that people search for; what varies goes into
/// fields. Bytes that are not UTF-8 are replaced. Callable from every thread.
void write(level at, std::string_view message, std::vector<field> with = {},
           place from = place::current());

inline void debug(std::string_view message, fields with = {}, place from = place::current()) {
  if (enabled(level::debug))
    write(level::debug, message, with, from);
}

inline void info(std::string_view message, fields with = {}, place from = place::current()) {
  write(level::info, message, with, from);
}

inline void warn(std::string_view message, fields with = {}, place from = place::current()) {
  write(level::warn, message, with, from);
}

inline void error(std::string_view message, fields with = {}, place from = place::current()) {
  write(level::error, message, with, from);
}

inline void fatal(std::string_view message, fields with = {}, place from = place::current()) {
  write(level::fatal, message, with, from);
}

/// As Go writes it: "0s", "150.1ms", "1h30m0s".
std::string show(std::chrono::nanoseconds span);

/// Hands every line written so far to the system.
void flush();

} // namespace troupe::log
