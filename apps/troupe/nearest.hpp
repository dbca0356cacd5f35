#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace troupe::options {

/// How many edits (insert, delete, replace, swap of neighbours) turn one into the other.
std::size_t edits(std::string_view a, std::string_view b);

/// The candidate that the fewest edits (insert, delete, replace, swap of neighbours) turn into
/// `word`; the first of equals; empty if all need more than a third of the word's length.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// The same among the names of flags, those of earlier releases left out.
std::string_view nearest_flag(std::string_view name);

} // namespace troupe::options
