#pragma once

#include "apps/troupectl/calls.hpp"
#include "apps/troupectl/flags.hpp"

#include <functional>
#include <string>
#include <vector>

/// What the flags and arguments of `put`, `get` and `del` ask for: the commands themselves, and the
/// lines of a `txn`.
namespace troupe::ctl {

extern const std::vector<flag> put_flags;
extern const std::vector<flag> get_flags;
extern const std::vector<flag> del_flags;         // also within a txn
extern const std::vector<flag> del_command_flags; // these and ours

/// `read_value` is called where the value is no argument. @throws command_failed
pb::PutRequest put_request(const flag_values& flags, const std::vector<std::string>& arguments,
                           const std::function<std::string()>& read_value);

/// @throws command_failed
pb::RangeRequest get_request(const flag_values& flags, const std::vector<std::string>& arguments);

/// @throws command_failed
pb::DeleteRangeRequest del_request(const flag_values& flags,
                                   const std::vector<std::string>& arguments);

/// The first key behind all that start with `prefix`; a 0 byte (no end) if there is none.
std::string prefix_end(std::string prefix);

/// Whether --consistency says serializable. @throws command_failed if it says neither.
bool serializable(const flag_values& flags);

} // namespace troupe::ctl
