#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/endpoints.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <ostream>

namespace troupe::ctl {

int alarm_list(context& it) {
  if (!it.arguments.empty())
    throw command_failed(exit_bad_arguments, "alarm list command accepts no arguments");
  it.display().alarms(it.client().call(pb::AlarmRequest{}));
  return exit_success;
}

// Go's client lists the alarms and takes back each; the answer shows those.
int alarm_disarm(context& it) {
  if (!it.arguments.empty())
    throw command_failed(exit_bad_arguments, "alarm disarm command accepts no arguments");
  pb::AlarmResponse all;
  auto raised = it.client().call(pb::AlarmRequest{});
  for (const auto& one : raised.alarms()) {
    pb::AlarmRequest request;
    request.set_action(pb::AlarmRequest::DEACTIVATE);
    request.set_memberid(one.memberid());
    request.set_alarm(one.alarm());
    all.MergeFrom(it.client().call(request));
  }
  all.clear_header();
  it.display().alarms(all);
  return exit_success;
}

int defrag(context& it) {
  bool failed = false;
  for (const auto& endpoint : chosen_endpoints(it)) {
    auto connection = it.client_of({endpoint});
    auto start = std::chrono::steady_clock::now();
    auto took = [&] { return go::duration(std::chrono::steady_clock::now() - start); };
    try {
      connection->call(pb::DefragmentRequest{});
      it.out << "Finished defragmenting etcd member[" << endpoint << "]. took " << took()
             << std::endl;
    } catch (const call_failed& error) {
      it.err << "Failed to defragment etcd member[" << endpoint << "]. took " << took() << ". ("
             << it.for_err(error.what()) << ")\n";
      failed = true;
    }
  }
  return failed ? exit_error : exit_success;
}

int move_leader(context& it) {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "move-leader command needs 1 argument");
  auto target = go::parse_uint(it.arguments[0], 16);
  if (!target.problem.empty())
    throw command_failed(exit_bad_arguments, target.problem);
  std::string asked;
  for (const auto& endpoint : it.connection().endpoints) {
    auto connection = it.client_of({endpoint});
    auto status = connection->call(pb::StatusRequest{});
    if (status.leader() == status.header().member_id()) {
      pb::MoveLeaderRequest request;
      request.set_targetid(target.value);
      it.display().move_leader(status.leader(), target.value, connection->call(request));
      return exit_success;
    }
    asked += (asked.empty() ? "" : " ") + endpoint;
  }
  throw command_failed(exit_bad_arguments, "no leader endpoint given at [" + asked + "]");
}

} // namespace troupe::ctl
