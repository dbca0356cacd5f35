#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/completion.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "messages/version.hpp"

#include <ostream>

namespace troupe::ctl {

int version(context& it) {
  it.out << it.how.program << " version: " << etcd_version
         << "\nAPI version: " << etcd_version.substr(0, etcd_version.rfind('.')) << '\n';
  return exit_success;
}

int completion(context& it) {
  if (it.arguments.size() != 1)
    throw command_failed(exit_error, "accepts 1 arg(s), received "
                                       + std::to_string(it.arguments.size())
                                       + "; name one of bash, zsh, fish");
  auto script = completion_script(it.arguments[0], it.how.program);
  if (script.empty())
    throw command_failed(exit_error, "invalid argument " + go::quote(it.arguments[0]) + " for "
                                       + go::quote(it.how.program + " completion")
                                       + "; name one of bash, zsh, fish");
  it.out << script;
  return exit_success;
}

} // namespace troupe::ctl
