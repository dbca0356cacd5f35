#pragma once

#include "apps/troupectl/command.hpp"
#include "apps/troupectl/run.hpp"

namespace troupe::ctl {

/// The command that these arguments name, and the arguments without its name.
struct resolved {
  const command* found = nullptr; // null: the program itself
  std::vector<std::string> rest;
};

/// As cobra does it: names may be cut short where one command matches, flags may come first.
/// @throws command_failed for a first word that is no command.
resolved resolve(const invocation& how);

/// Its own flags, those of its groups and the global ones.
std::vector<const flag*> flags_of(const command* one, bool as_etcdctl = false);

} // namespace troupe::ctl
