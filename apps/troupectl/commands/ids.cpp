#include "apps/troupectl/commands/ids.hpp"

#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

namespace troupe::ctl {

namespace {

template <class Number>
Number checked(const go::parsed_number<Number>& parsed, const char* what) {
  if (!parsed.problem.empty())
    throw command_failed(exit_bad_arguments, std::string{"bad "} + what + " ID arg ("
                                               + parsed.problem + "), expecting ID in Hex");
  return parsed.value;
}

} // namespace

std::int64_t lease_id(const std::string& text) {
  return checked(go::parse_int(text, 16), "lease");
}

std::uint64_t member_id(const std::string& text) {
  return checked(go::parse_uint(text, 16), "member");
}

} // namespace troupe::ctl
