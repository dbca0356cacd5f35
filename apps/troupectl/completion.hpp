#pragma once

#include <string>
#include <string_view>

namespace troupe::ctl {

/// The script that completes commands, flags and their choices of `program`, from the table of
/// commands; empty for a shell that we do not know (we know bash, zsh and fish).
std::string completion_script(std::string_view shell, std::string_view program);

} // namespace troupe::ctl
