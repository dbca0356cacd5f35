#pragma once

#include "apps/troupe/settings.hpp"

#include <span>
#include <string>

namespace troupe::options {

enum class action : std::uint8_t { run, show_help, show_version };

struct command_line {
  action wanted = action::run;
  settings given;
};

/// Reads the arguments after the program's name, as Go's flag package does: one dash or two,
/// `--name value` or `--name=value`, a boolean alone or with `=`, the last of equal flags counts.
/// @throws option_error: 2 for an unknown flag or a bad value, 1 for an argument that is no flag.
command_line read_command_line(std::span<const std::string> arguments);

} // namespace troupe::options
