#pragma once

#include "apps/troupe-bench/settings.hpp"

#include <string_view>
#include <variant>

namespace troupe::bench {

/// Where a flag's value goes; the type says what its text must be.
using flag_field = std::variant<std::uint64_t settings::*, double settings::*,
                                std::string settings::*, bool settings::*>;

struct flag {
  std::string_view name;
  flag_field field;
  /// Whole numbers only: the least allowed.
  std::uint64_t least;
  /// What a whole or decimal number, or a text, is called in the help.
  std::string_view argument;
  std::string_view help;
};

/// A flag that a command has, with the value it has when not given.
struct preset {
  std::string_view name;
  std::string_view value;
};

struct command_entry {
  command which;
  std::string_view name;
  std::string_view summary;
  /// Without those that every command has.
  std::span<const preset> flags;
  std::string_view examples;
};

std::span<const flag> flags();
std::span<const command_entry> commands();
std::span<const preset> common_flags();

/// Null if there is none.
const flag* find_flag(std::string_view name);
const command_entry* find_command(std::string_view name);

} // namespace troupe::bench
