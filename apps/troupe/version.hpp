#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// The lines of --version: etcd's first, then ours and what we are built on.
std::string version_text();

/// The commit this was built from, "-dirty" behind it if files differed; "unknown" outside a clone.
std::string_view git_commit();

} // namespace troupe
