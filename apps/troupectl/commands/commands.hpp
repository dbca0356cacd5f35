#pragma once

#include "apps/troupectl/command.hpp"

/// The functions behind command_table.cpp, by file.
namespace troupe::ctl {

// kv.cpp
int put(context&);
int get(context&);
int del(context&);
int compaction(context&);
extern const std::vector<flag> compaction_flags;

// info.cpp
int version(context&);

} // namespace troupe::ctl
