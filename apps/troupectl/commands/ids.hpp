#pragma once

#include <cstdint>
#include <string>

namespace troupe::ctl {

/// Ids as users give them, in hexadecimal. @throws command_failed in etcdctl's words
std::int64_t lease_id(const std::string& text);
std::uint64_t member_id(const std::string& text);

} // namespace troupe::ctl
