#pragma once

#include <string>
#include <string_view>

/// Bytes for a terminal: nothing in them can move its cursor, change its state or the order of
/// what it shows.
namespace troupe::ctl {

/// Control characters, marks that change the direction of text, and what is not UTF-8 become \x..
/// or \u....; line ends and tabs stay.
std::string safe_text(std::string_view bytes);

/// The same in one line: \n and \t too.
std::string safe_line(std::string_view bytes);

/// safe_text if `wanted`.
std::string safe_text_if(bool wanted, std::string_view bytes);

/// Whether safe_line would leave it as it is.
bool is_safe(std::string_view bytes);

bool is_utf8(std::string_view bytes);

} // namespace troupe::ctl
