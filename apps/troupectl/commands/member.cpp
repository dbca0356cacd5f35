#include "apps/troupe/value.hpp"
#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/ids.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> member_add_flags{
  {"peer-urls", flag_kind::text, "", "comma separated peer URLs for the new member."},
  {"learner", flag_kind::boolean, "false", "indicates if the new member is raft learner"},
};

const std::vector<flag> member_update_flags{
  {"peer-urls", flag_kind::text, "", "comma separated peer URLs for the updated member."},
};

const std::vector<flag> member_list_flags{
  {"consistency", flag_kind::text, "l", "Linearizable(l) or Serializable(s)", 0, "l s"},
};

namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw command_failed(exit_bad_arguments, text);
}

std::uint64_t only_member(const context& it) {
  if (it.arguments.size() != 1)
    refuse("member ID is not provided");
  return member_id(it.arguments[0]);
}

/// Adds the comma separated URLs. @throws command_failed for what is none
template <class Request>
void add_urls(const std::string& text, Request& request) {
  if (auto problem = options::parse_urls(text).problem; !problem.empty())
    throw command_failed(exit_error, problem);
  for (const auto& url : options::split_list(text))
    request.add_peerurls(url);
}

const std::string& peer_urls(const context& it) {
  const auto& urls = it.flags().text("peer-urls");
  if (urls.empty())
    refuse("member peer urls not provided");
  return urls;
}

const std::string& name_of_new(const context& it) {
  if (it.arguments.empty())
    refuse("member name not provided");
  if (it.arguments.size() == 1)
    return it.arguments[0];
  std::string text = "too many arguments";
  for (const auto& one : it.arguments)
    if (one.size() >= 4 && (one.starts_with("http") || one.starts_with("HTTP")))
      text += ", did you mean --peer-urls=" + one;
  refuse(text);
}

/// What the new member is to be started with.
void print_start_settings(const std::string& name, const std::string& urls,
                          const pb::MemberAddResponse& response, std::ostream& out) {
  std::string cluster;
  for (const auto& one : response.members())
    for (const auto& url : one.peerurls())
      cluster += (cluster.empty() ? "" : ",")
                 + (one.id() == response.member().id() ? name : one.name()) + "=" + url;
  out << "\nETCD_NAME=" << go::quote(name) << "\nETCD_INITIAL_CLUSTER=" << go::quote(cluster)
      << "\nETCD_INITIAL_ADVERTISE_PEER_URLS=" << go::quote(urls)
      << "\nETCD_INITIAL_CLUSTER_STATE=\"existing\"\n";
}

} // namespace

int member_add(context& it) {
  const auto& name = name_of_new(it);
  const auto& urls = peer_urls(it);
  pb::MemberAddRequest request;
  add_urls(urls, request);
  request.set_islearner(it.flags().boolean("learner"));
  auto response = it.client().call(request);
  it.display().member_add(response);
  if (it.simple())
    print_start_settings(name, urls, response, it.out);
  return exit_success;
}

int member_remove(context& it) {
  auto id = only_member(it);
  pb::MemberRemoveRequest request;
  request.set_id(id);
  it.display().member_remove(id, it.client().call(request));
  return exit_success;
}

int member_update(context& it) {
  auto id = only_member(it);
  pb::MemberUpdateRequest request;
  request.set_id(id);
  add_urls(peer_urls(it), request);
  it.display().member_update(id, it.client().call(request));
  return exit_success;
}

int member_list(context& it) {
  pb::MemberListRequest request;
  request.set_linearizable(!serializable(it.flags()));
  it.display().member_list(it.client().call(request));
  return exit_success;
}

int member_promote(context& it) {
  auto id = only_member(it);
  pb::MemberPromoteRequest request;
  request.set_id(id);
  it.display().member_promote(id, it.client().call(request));
  return exit_success;
}

} // namespace troupe::ctl
