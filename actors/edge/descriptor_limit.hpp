#pragma once

#include <cstddef>

namespace troupe {

/// Raises the process's soft limit of open files to the hard one.
/// @returns the limit that holds now; SIZE_MAX if there is none.
std::size_t raise_descriptor_limit();

} // namespace troupe
