#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/ids.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/keeping_alive.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> lease_time_to_live_flags{
  {"keys", flag_kind::boolean, "false", "Get keys attached to this lease"},
};

const std::vector<flag> lease_keep_alive_flags{
  {"once", flag_kind::boolean, "false",
   "Resets the keep-alive time to its original value and exits immediately"},
};

namespace {

const std::string& only_argument(const context& it, const char* complaint) {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, complaint);
  return it.arguments[0];
}

} // namespace

int lease_grant(context& it) {
  const auto& text = only_argument(it, "lease grant command needs TTL argument");
  auto ttl = go::parse_int(text, 10);
  if (!ttl.problem.empty())
    throw command_failed(exit_bad_arguments, "bad TTL (" + ttl.problem + ")");
  pb::LeaseGrantRequest request;
  request.set_ttl(ttl.value);
  try {
    it.display().grant(it.client().call(request));
  } catch (const call_failed& error) {
    throw command_failed(exit_error, std::string{"failed to grant lease ("} + error.what() + ")");
  }
  return exit_success;
}

int lease_revoke(context& it) {
  auto id = lease_id(only_argument(it, "lease revoke command needs 1 argument"));
  pb::LeaseRevokeRequest request;
  request.set_id(id);
  try {
    it.display().revoke(id, it.client().call(request));
  } catch (const call_failed& error) {
    throw command_failed(exit_error, std::string{"failed to revoke lease ("} + error.what() + ")");
  }
  return exit_success;
}

int lease_time_to_live(context& it) {
  auto id = lease_id(only_argument(it, "lease timetolive command needs lease ID as argument"));
  bool keys = it.flags().boolean("keys");
  pb::LeaseTimeToLiveRequest request;
  request.set_id(id);
  request.set_keys(keys);
  try {
    it.display().time_to_live(it.client().call(request), keys);
  } catch (const call_failed& error) {
    throw command_failed(exit_bad_connection, error.what());
  }
  return exit_success;
}

int lease_list(context& it) {
  try {
    it.display().leases(it.client().call(pb::LeaseLeasesRequest{}));
  } catch (const call_failed& error) {
    throw command_failed(exit_bad_connection, error.what());
  }
  return exit_success;
}

int lease_keep_alive(context& it) {
  auto id = lease_id(only_argument(it, "lease keep-alive command needs lease ID as argument"));
  auto& display = it.display();
  auto print = [&](const pb::LeaseKeepAliveResponse& response) {
    display.keep_alive(response);
    it.out.flush();
  };
  try {
    if (it.flags().boolean("once")) {
      print(keep_alive_once(it.client(), id));
      return exit_success;
    }
    keep_alive(it.client(), id, print, [] { return false; });
  } catch (const call_failed& error) {
    throw command_failed(exit_bad_connection, error.what());
  }
  if (it.simple())
    it.out << "lease " << go::hex(id, 16) << " expired or revoked.\n";
  return exit_success;
}

} // namespace troupe::ctl
