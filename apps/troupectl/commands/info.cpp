#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/exit.hpp"
#include "messages/version.hpp"

#include <ostream>

namespace troupe::ctl {

int version(context& it) {
  it.out << it.how.program << " version: " << etcd_version
         << "\nAPI version: " << etcd_version.substr(0, etcd_version.rfind('.')) << '\n';
  return exit_success;
}

} // namespace troupe::ctl
