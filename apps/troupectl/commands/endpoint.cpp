#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/endpoints.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <future>
#include <ostream>

namespace troupe::ctl {

const std::vector<flag> cluster_flags{
  {"cluster", flag_kind::boolean, "false", "use all endpoints from the cluster member list"},
};

const std::vector<flag> endpoint_hashkv_flags{
  {"rev", flag_kind::integer, "0", "maximum revision to hash (default: latest revision)"},
};

std::vector<std::string> chosen_endpoints(context& it) {
  auto given = it.connection().endpoints;
  if (!it.flags().boolean("cluster"))
    return given;
  pb::MemberListRequest request;
  request.set_linearizable(true);
  try {
    std::vector<std::string> result;
    auto response = it.client().call(request);
    for (const auto& member : response.members())
      result.insert(result.end(), member.clienturls().begin(), member.clienturls().end());
    return result;
  } catch (const call_failed& error) {
    throw command_failed(exit_error,
                         std::string{"failed to fetch endpoints from etcd cluster member list: "}
                           + error.what());
  }
}

namespace {

std::string alarm_problem(const pb::AlarmResponse& response) {
  if (response.alarms().empty())
    return {};
  std::string text = "Active Alarm(s): ";
  for (const auto& one : response.alarms())
    text += one.alarm() == pb::NOSPACE   ? "NOSPACE "
            : one.alarm() == pb::CORRUPT ? "CORRUPT "
                                         : "UNKNOWN ";
  return text;
}

std::string alarm_problem(client& to) {
  try {
    return alarm_problem(to.call(pb::AlarmRequest{}));
  } catch (const call_failed&) {
    return "Unable to fetch the alarm list";
  }
}

/// Healthy: a linearizable read succeeds (that it is not permitted took the same way), and no alarm
/// is raised.
endpoint_health health_of(const std::string& endpoint, client& to) {
  endpoint_health result{.endpoint = endpoint};
  auto start = std::chrono::steady_clock::now();
  try {
    pb::RangeRequest request;
    request.set_key("health");
    to.call(request);
  } catch (const call_failed& error) {
    if (error.status != status_permission_denied)
      result.error = error.what();
  }
  result.took = go::duration(std::chrono::steady_clock::now() - start);
  if (result.error.empty())
    result.error = alarm_problem(to);
  result.healthy = result.error.empty();
  return result;
}

/// Asks one endpoint after the other; those that fail are told on standard error as `complaint`.
/// @returns the text of the last failure; empty if there was none.
template <class Response, class Ask>
std::string ask_each(context& it, const char* complaint, std::vector<of_endpoint<Response>>& out,
                     Ask ask) {
  std::string problem;
  for (const auto& endpoint : chosen_endpoints(it)) {
    try {
      auto connection = it.client_of({endpoint});
      out.push_back({endpoint, ask(*connection)});
    } catch (const call_failed& error) {
      problem = error.what();
      it.err << it.for_err(complaint + endpoint + " (" + problem + ")\n");
    }
  }
  return problem;
}

} // namespace

int endpoint_health_command(context& it) {
  auto& display = it.display();
  std::vector<std::future<endpoint_health>> asked;
  for (const auto& endpoint : chosen_endpoints(it))
    asked.push_back(std::async(std::launch::async, [&it, endpoint] {
      return health_of(endpoint, *it.client_of({endpoint}));
    }));
  std::vector<endpoint_health> all;
  bool healthy = true;
  for (auto& one : asked) {
    all.push_back(one.get());
    healthy = healthy && all.back().error.empty();
  }
  display.health(all);
  if (!healthy)
    throw command_failed(exit_error, "unhealthy cluster");
  return exit_success;
}

int endpoint_status_command(context& it) {
  std::vector<endpoint_status> all;
  auto problem = ask_each(it, "Failed to get the status of endpoint ", all,
                          [](client& to) { return to.call(pb::StatusRequest{}); });
  it.display().status(all);
  return problem.empty() ? exit_success : exit_error;
}

int endpoint_hashkv(context& it) {
  pb::HashKVRequest request;
  request.set_revision(it.flags().integer("rev"));
  std::vector<endpoint_hash> all;
  auto problem = ask_each(it, "Failed to get the hash of endpoint ", all,
                          [&](client& to) { return to.call(request); });
  it.display().hash(all);
  if (!problem.empty())
    throw command_failed(exit_error, problem);
  return exit_success;
}

} // namespace troupe::ctl
