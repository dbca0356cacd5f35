#include "actors/service/page_core.hpp"

#include "actors/edge/status_table.hpp"
#include "messages/proto/rpc.pb.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace troupe::service {

namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";
constexpr std::string_view json = "application/json";

constexpr std::string_view data_corruption = "data_corruption";
constexpr std::string_view serializable_read = "serializable_read";
constexpr std::string_view linearizable_read = "linearizable_read";
constexpr std::string_view non_learner = "non_learner";

constexpr std::array livez_checks = {serializable_read};
constexpr std::array readyz_checks = {data_corruption, serializable_read, linearizable_read,
                                      non_learner};

/// What probes ask for: the least key there is, since clients may not ask for the empty one.
constexpr std::string_view probe_key{"\0", 1};

// Streams of a page's probes.
constexpr std::int32_t serializable_stream = 1;
constexpr std::int32_t linearizable_stream = 2;

constexpr bool is_probe(std::string_view check) {
  return check == serializable_read || check == linearizable_read;
}

http_response response(call_id call, unsigned status, std::string_view type, std::string body) {
  return {.call = call,
          .status = status,
          .content_type = std::string{type},
          .headers = {},
          .body = std::move(body)};
}

/// As Go's http.Error writes it.
http_response error(call_id call, unsigned status, std::string text) {
  auto result = response(call, status, plain_text, std::move(text) + "\n");
  result.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return result;
}

http_response method_not_allowed(call_id call) {
  auto result = error(call, 405, "Method Not Allowed");
  result.headers.emplace_back("Allow", "GET");
  return result;
}

http_response not_found(call_id call) {
  return error(call, 404, "404 page not found");
}

/// What follows `page` and a '/' in `path`; outer: another page; inner: nothing follows.
std::optional<std::optional<std::string_view>> below(std::string_view page, std::string_view path) {
  if (!path.starts_with(page))
    return std::nullopt;
  path.remove_prefix(page.size());
  if (path.empty())
    return std::optional<std::string_view>{};
  if (path.front() != '/')
    return std::nullopt;
  return path.substr(1);
}

/// Empty if the check is well.
std::string judge(std::string_view check, const page_view& view) {
  if (check == data_corruption && view.corrupt)
    return "alarm activated: CORRUPT";
  if (check == non_learner && view.is_learner)
    return "not supported for learner";
  return {};
}

std::string failure_of(const rpc_answer& answer) {
  if (answer.error == errc::none)
    return {};
  return answer.detail.empty() ? std::string{status_of(answer.error).text} : answer.detail;
}

} // namespace

page_core::page_core(page_config config) : config_(std::move(config)) {}

void page_core::on(const http_request& request, const page_view& view, time_point now,
                   page_output& out) {
  const auto& path = request.path;
  auto livez = below("/livez", path);
  auto readyz = below("/readyz", path);
  bool known = path == "/health" || path == "/version" || path == "/metrics" || livez || readyz;
  if (!known)
    out.responses.push_back(not_found(request.call));
  else if (request.method != "GET" && !(path == "/metrics" && request.method == "HEAD"))
    out.responses.push_back(method_not_allowed(request.call));
  else if (path == "/health")
    health(request, view, now, out);
  else if (path == "/metrics")
    out.scrapes.push_back(request.call);
  else if (livez)
    checks(kind::livez, *livez, request, view, now, out);
  else if (readyz)
    checks(kind::readyz, *readyz, request, view, now, out);
  else
    out.responses.push_back(
      response(request.call, 200, json,
               nlohmann::ordered_json{{"etcdserver", config_.server_version},
                                      {"etcdcluster", config_.cluster_version},
                                      {"storage", config_.storage_version}}
                 .dump()));
}

void page_core::health(const http_request& request, const page_view& view, time_point now,
                       page_output& out) {
  http_query query{request.query};
  bool serializable = query.first("serializable") == "true";
  if (view.no_space && !query.has("exclude", "NOSPACE"))
    return finish_health(request.call, "ALARM NOSPACE", out);
  if (view.corrupt && !query.has("exclude", "CORRUPT"))
    return finish_health(request.call, "ALARM CORRUPT", out);
  if (view.other_alarm)
    return finish_health(request.call, "ALARM UNKNOWN", out);
  if (!serializable && !view.has_leader)
    return finish_health(request.call, "RAFT NO LEADER", out);
  page opened{.what = kind::health, .call = request.call, .checks = {}, .deadline = {}};
  opened.checks.push_back({.name = serializable ? serializable_read : linearizable_read});
  start(std::move(opened), view, now, out);
}

void page_core::checks(kind what, std::optional<std::string_view> name, const http_request& request,
                       const page_view& view, time_point now, page_output& out) {
  http_query query{request.query};
  page opened{.what = what, .call = request.call, .checks = {}, .deadline = {}};
  opened.verbose = query.has("verbose");
  auto add = [&](std::string_view check) {
    // A check that was asked for by its name cannot be excluded.
    if (name ? check == *name : !query.has("exclude", check))
      opened.checks.push_back({.name = check});
  };
  if (what == kind::livez)
    std::ranges::for_each(livez_checks, add);
  else
    std::ranges::for_each(readyz_checks, add);
  if (name && opened.checks.empty())
    out.responses.push_back(not_found(request.call));
  else
    start(std::move(opened), view, now, out);
}

void page_core::start(page opened, const page_view& view, time_point now, page_output& out) {
  bool full = waiting_.size() >= config_.max_waiting;
  bool waits = false;
  opened.deadline = now + config_.probe_timeout;
  auto number = last_page_ + 1;
  for (auto& check : opened.checks) {
    check.done = !is_probe(check.name) || full;
    if (!is_probe(check.name)) {
      check.failure = judge(check.name, view);
    } else if (full) {
      check.failure = status_of(errc::too_many_requests).text;
    } else {
      bool serializable = check.name == serializable_read;
      call_id call{config_.probe_edge, number,
                   serializable ? serializable_stream : linearizable_stream};
      out.probes.push_back(probe(call, serializable, opened.deadline));
      waits = true;
    }
  }
  if (!waits)
    return finish(opened, out);
  last_page_ = number;
  waiting_.emplace(number, std::move(opened));
}

call_event page_core::probe(call_id call, bool serializable, time_point deadline) const {
  etcdserverpb::RangeRequest request;
  request.set_key(probe_key.data(), probe_key.size());
  request.set_keys_only(true);
  request.set_limit(1);
  request.set_serializable(serializable);
  return {.kind = call_event::what::request,
          .call = call,
          .method = rpc_method::kv_range,
          .body = blob{request.SerializeAsString()},
          .metadata = std::make_shared<call_metadata>(),
          .deadline = deadline};
}

void page_core::on(const rpc_answers& answers, page_output& out) {
  for (const auto& answer : answers.answers) {
    auto found = waiting_.find(answer.call.connection);
    if (answer.call.edge != config_.probe_edge || !answer.ends || found == waiting_.end())
      continue;
    auto& checks = found->second.checks;
    bool serializable = answer.call.stream == serializable_stream;
    auto which =
      std::ranges::find(checks, serializable ? serializable_read : linearizable_read, &check::name);
    if (which == checks.end() || which->done)
      continue;
    which->done = true;
    which->failure = failure_of(answer);
    if (std::ranges::all_of(checks, &check::done)) {
      finish(found->second, out);
      waiting_.erase(found);
    }
  }
}

void page_core::on_tick(time_point now, page_output& out) {
  while (!waiting_.empty() && waiting_.begin()->second.deadline <= now) {
    auto& late = waiting_.begin()->second;
    for (auto& check : late.checks)
      if (!check.done)
        check.failure = status_of(errc::deadline_exceeded).text;
    finish(late, out);
    waiting_.erase(waiting_.begin());
  }
}

void page_core::finish(const page& done, page_output& out) const {
  if (done.what != kind::health)
    return finish_checks(done, out);
  const auto& failure = done.checks.front().failure;
  finish_health(done.call, failure.empty() ? failure : "RANGE ERROR:" + failure, out);
}

void page_core::finish_health(call_id call, const std::string& reason, page_output& out) const {
  bool ok = reason.empty();
  auto body = nlohmann::ordered_json{{"health", ok ? "true" : "false"}, {"reason", reason}}.dump();
  out.verdicts.push_back({"/health", ok, body});
  out.responses.push_back(ok ? response(call, 200, plain_text, body) : error(call, 503, body));
}

void page_core::finish_checks(const page& done, page_output& out) const {
  std::string page = done.what == kind::livez ? "livez" : "readyz";
  std::string lines;
  bool ok = true;
  for (const auto& check : done.checks) {
    bool good = check.failure.empty();
    ok = ok && good;
    std::string name{check.name};
    lines += good ? "[+]" + name + " ok\n" : "[-]" + name + " failed: " + check.failure + "\n";
    out.checks.push_back({page, check.name, good});
  }
  out.verdicts.push_back({"/" + page, ok, lines});
  if (!ok) {
    out.responses.push_back(error(done.call, 503, lines));
    return;
  }
  auto answer = response(done.call, 200, plain_text, (done.verbose ? lines : "") + "ok\n");
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  out.responses.push_back(std::move(answer));
}

} // namespace troupe::service
