#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/holding.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/process.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> lock_flags{
  {"ttl", flag_kind::integer, "10", "timeout for session"},
};

namespace {

/// Runs the program while we hold; its exit code is ours.
void run_holding(waiting_line& line, const std::vector<std::string>& program) {
  auto end = run_program(
    program, {"ETCD_LOCK_KEY=" + line.key(), "ETCD_LOCK_REV=" + std::to_string(line.held_since())});
  if (end.problem.empty())
    return line.leave();
  try {
    line.leave();
  } catch (const call_failed&) {
    // The program's failure says more, and the key ends with its lease.
  }
  bool never_ran = end.code < 0 && !end.problem.starts_with("signal: ");
  throw command_failed(never_ran ? exit_error : end.code & 0xff, end.problem);
}

} // namespace

int lock(context& it) {
  if (it.arguments.empty())
    throw command_failed(exit_bad_arguments,
                         "lock takes a lock name argument and an optional command to execute");
  auto& display = it.display();
  holding hold(it, it.arguments[0], it.flags().integer("ttl"));
  hold.acquire("");
  if (it.arguments.size() > 1) {
    run_holding(hold.line(), {it.arguments.begin() + 1, it.arguments.end()});
    return exit_success;
  }
  auto own = hold.line().own();
  if (own.kvs().empty())
    throw command_failed(exit_error, "lock lost on init");
  display.get(own);
  it.out.flush();
  if (hold.wait_for_end() == holding::end::lost)
    throw command_failed(exit_error, "session expired");
  hold.line().leave();
  return exit_success;
}

} // namespace troupe::ctl
