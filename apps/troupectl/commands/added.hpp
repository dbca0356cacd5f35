#pragma once

#include "apps/troupectl/command.hpp"

/// What we have beyond etcdctl: the functions and flags behind added_commands.cpp, by file.
namespace troupe::ctl {

// tree.cpp
int ls(context&);
int tree(context&);
extern const std::vector<flag> ls_flags;
extern const std::vector<flag> tree_flags;

// history.cpp
int history(context&);

// diff.cpp
int diff(context&);
extern const std::vector<flag> diff_flags;

// export.cpp, import.cpp
int export_keys(context&);
int import_keys(context&);
extern const std::vector<flag> export_flags;
extern const std::vector<flag> import_flags;

} // namespace troupe::ctl
