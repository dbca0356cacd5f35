#pragma once

#include "apps/troupectl/calls.hpp"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

/// The lines that `txn` and `watch -i` read. What cannot be understood throws command_failed with
/// exit_invalid_input and etcdctl's text.
namespace troupe::ctl {

/// Splits at blanks; "..." is a Go literal, '...' stands for itself.
std::vector<std::string> split_words(std::string_view line);

/// `mod("key") > "0"`: ver(sion), c(reate), m(od), val(ue) or lease, and one of = != < >.
/// A lease is given in hexadecimal, as everywhere else.
pb::Compare parse_compare(const std::string& line);

/// `put`, `get` or `del` with the flags and arguments of the command of this name; the value of a
/// put must be there.
pb::RequestOp parse_operation(const std::string& line);

/// Without blanks at both ends. @throws command_failed at the end of input ("EOF").
std::string read_trimmed_line(std::istream& in);

} // namespace troupe::ctl
