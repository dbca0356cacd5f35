#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/dialog.hpp"
#include "apps/troupectl/exit.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> txn_flags{
  {"interactive", flag_kind::boolean, "false", "Input transaction in interactive mode", 'i'},
};

namespace {

/// Lines up to an empty one, each given to `take`.
template <class Take>
void read_part(context& it, std::string_view prompt, Take take) {
  if (it.flags().boolean("interactive"))
    it.out << prompt << std::endl;
  for (auto line = read_trimmed_line(it.in); !line.empty(); line = read_trimmed_line(it.in))
    take(line);
}

} // namespace

int txn(context& it) {
  if (!it.arguments.empty())
    throw command_failed(exit_bad_arguments, "txn command does not accept argument");
  auto& client = it.client();
  pb::TxnRequest request;
  read_part(it, "compares:", [&](const std::string& line) {
    *request.add_compare() = parse_compare(line);
  });
  read_part(it, "success requests (get, put, del):", [&](const std::string& line) {
    *request.add_success() = parse_operation(line);
  });
  read_part(it, "failure requests (get, put, del):", [&](const std::string& line) {
    *request.add_failure() = parse_operation(line);
  });
  it.display().txn(client.call(request, client::no_timeout));
  return exit_success;
}

} // namespace troupe::ctl
