#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"

namespace troupe::ctl {

// To add a command: write `int name(context&)` and, if it has any, its `name_flags` in a file under
// commands/; declare both in commands/commands.hpp; add the file to CMakeLists.txt and a line here.
// Parsing, help, completion and exit codes come from the line. A subcommand stands below its group,
// whose path is the first word and which has no function; a group's flags are its commands' too.
std::span<const command> commands() {
  static const std::vector<command> table{
    {"put", "[options] <key> <value> (<value> can also be given from stdin)",
     "Puts the given key into the store", put, put_flags,
     "put greeting hello\n"
     "put greeting --prev-kv 'good day'\n"
     "put session value --lease=1234abcd\n"
     "put config < config.yaml",
     "When <value> begins with '-', it is read as a flag; put '--' before it:\n"
     "put <key> -- <value>\n"
     "Without <value> and without --ignore-value it is read from standard input."},
    {"get", "[options] <key> [range_end]", "Gets the key or a range of keys", get, get_flags,
     "get greeting\n"
     "get --prefix /services/ --keys-only\n"
     "get a c\n"
     "get greeting --rev=2 -w json\n"
     "get '' --prefix --count-only -w fields"},
    {"del", "[options] <key> [range_end]",
     "Removes the specified key or range of keys [key, range_end)", del, del_flags,
     "del greeting\n"
     "del --prefix /services/old/ --prev-kv\n"
     "del --range a c"},
    {"compaction", "[options] <revision>", "Compacts the event history in etcd", compaction,
     compaction_flags,
     "compaction 1000\n"
     "compaction 1000 --physical",
     "", "compact"},
    {"version", "", "Prints the version of etcdctl", version, {}, "version"},
  };
  return table;
}

std::string_view name_of(const command& one) {
  return one.path.substr(one.path.rfind(' ') + 1);
}

std::vector<const command*> commands_below(std::string_view path) {
  std::vector<const command*> result;
  for (const auto& one : commands()) {
    auto blank = one.path.rfind(' ');
    if ((blank == one.path.npos ? std::string_view{} : one.path.substr(0, blank)) == path)
      result.push_back(&one);
  }
  return result;
}

const command* find_command(std::string_view path) {
  for (const auto& one : commands())
    if (one.path == path)
      return &one;
  return nullptr;
}

} // namespace troupe::ctl
