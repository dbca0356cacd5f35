#pragma once

#include "apps/troupectl/command.hpp"

/// What `del` does beyond etcdctl.
namespace troupe::ctl {

/// --dry-run: prints the keys that would be deleted, one per line. Returns the exit code.
int show_deletion(context& it, const pb::DeleteRangeRequest& request);

/// Whether somebody sits at a terminal who can be asked, and did not say --yes.
bool can_be_asked(const context& it);

/// Asks if the request would delete more than one key.
/// @throws command_failed unless the answer is yes
void ask_before_deleting(context& it, const pb::DeleteRangeRequest& request);

} // namespace troupe::ctl
