#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/deleting.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <chrono>
#include <istream>
#include <iterator>
#include <ostream>
#include <thread>

namespace troupe::ctl {

const std::vector<flag> compaction_flags{
  {"physical", flag_kind::boolean, "false",
   "'true' to wait for compaction to physically remove all old revisions"},
};

int put(context& it) {
  auto request = put_request(it.flags(), it.arguments, [&] {
    return std::string(std::istreambuf_iterator<char>(it.in), {});
  });
  auto response = it.client().call(request);
  it.display().put(response);
  return exit_success;
}

int get(context& it) {
  auto request = get_request(it.flags(), it.arguments);
  auto response = it.client().call(request);
  if (it.flags().boolean("count-only") && it.flags().text("write-out") != "fields")
    throw command_failed(exit_bad_arguments, "--count-only is only for `--write-out=fields`");
  bool values_only = it.flags().boolean("print-value-only");
  if (values_only && !it.simple())
    throw command_failed(exit_bad_arguments, "print-value-only is only for `--write-out=simple`");
  (values_only ? it.display_values_only() : it.display()).get(response);
  return exit_success;
}

int del(context& it) {
  auto request = del_request(it.flags(), it.arguments);
  if (!it.how.as_etcdctl() && it.flags().boolean("dry-run"))
    return show_deletion(it, request);
  if (can_be_asked(it)) {
    ask_before_deleting(it, request);
  } else if (it.arguments.size() > 1 && !it.flags().boolean("range")) {
    it.err << "Warning: Keys between " << go::quote(it.arguments[0]) << " and "
           << go::quote(it.arguments[1])
           << " will be deleted. Please interrupt the command within next 2 seconds to cancel. You "
              "can provide `--range` flag to avoid the delay.\n"
           << std::flush;
    std::this_thread::sleep_for(std::chrono::seconds{2});
  }
  auto response = it.client().call(request);
  it.display().del(response);
  return exit_success;
}

int compaction(context& it) {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "compaction command needs 1 argument");
  auto revision = go::parse_int(it.arguments[0], 10);
  if (!revision.problem.empty())
    throw command_failed(exit_error, revision.problem);
  pb::CompactionRequest request;
  request.set_revision(revision.value);
  request.set_physical(it.flags().boolean("physical"));
  it.client().call(request);
  it.out << "compacted revision " << revision.value << '\n';
  return exit_success;
}

} // namespace troupe::ctl
