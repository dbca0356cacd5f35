#include "apps/troupectl/command.hpp"

namespace troupe::ctl {

std::span<const command> added_commands() {
  return {};
}

} // namespace troupe::ctl
