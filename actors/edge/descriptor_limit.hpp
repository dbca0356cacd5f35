#pragma once

#include <cstddef>

namespace troupe {

/// Raises the process's soft limit of open files to the hard one.
/// @returns the limit that holds now; SIZE_MAX if there is none.
std::size_t raise_descriptor_limit();

/// How many connections fit into `descriptors` of which `reserve` are for others; half of them
/// where that leaves next to nothing.
std::size_t connections_within(std::size_t descriptors, std::size_t reserve);

} // namespace troupe
