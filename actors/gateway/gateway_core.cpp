#include "actors/gateway/gateway_core.hpp"

#include "actors/edge/call_header.hpp"
#include "actors/gateway/routes.hpp"

#include <algorithm>
#include <array>

namespace troupe::gateway {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view metadata_prefix = "grpc-metadata-";

/// What the header of a request says about the call.
struct caller {
  std::shared_ptr<const call_metadata> metadata;
  time_point deadline = time_point::max();
  /// A `Grpc-Timeout` that is none; empty: it is good or absent.
  std::string bad_timeout;
};

bool is_metadata(std::string_view name) {
  constexpr std::array<std::string_view, 4> known{"token", "authorization", "hasleader",
                                                  "client-api-version"};
  return std::ranges::find(known, name) != known.end();
}

time_point later(time_point now, std::chrono::nanoseconds wait) {
  return wait > time_point::max() - now ? time_point::max() : now + wait;
}

caller caller_of(const http_request& request, time_point now) {
  caller result;
  call_header header;
  for (const auto& [name, value] : request.headers) {
    std::string_view key = name;
    if (key.starts_with(metadata_prefix))
      key.remove_prefix(metadata_prefix.size());
    else if (key == "grpc-timeout") {
      std::string why;
      if (auto timeout = parse_grpc_timeout(value, why))
        result.deadline = later(now, *timeout);
      else
        result.bad_timeout = value;
      continue;
    } else if (key != "authorization") {
      continue;
    }
    if (is_metadata(key))
      header.add(key, value);
  }
  result.metadata = header.metadata(nullptr, request.remote);
  return result;
}

/// A text that a header field may hold.
std::string printable(std::string text) {
  std::ranges::replace_if(
    text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text;
}

http_response failure(call_id call, const grpc_refusal& why) {
  http_response result{.call = call,
                       .status = http_status_of(why.code),
                       .content_type = std::string{json_type},
                       .headers = {},
                       .body = status_json(why.code, why.text)};
  if (why.code == grpc_code::unauthenticated)
    result.headers.emplace_back("WWW-Authenticate", printable(why.text));
  return result;
}

http_response success(call_id call) {
  return {.call = call,
          .content_type = std::string{json_type},
          .headers = {{"Grpc-Metadata-Content-Type", "application/grpc"}},
          .body = {}};
}

std::string error_line(const grpc_refusal& why) {
  return "{\"error\":" + status_json(why.code, why.text) + "}\n";
}

void append_part(gateway_output& out, call_id call, std::string bytes, bool last) {
  if (!out.parts.empty() && out.parts.back().call == call) {
    out.parts.back().bytes += bytes;
    out.parts.back().last = last;
  } else {
    out.parts.push_back({call, std::move(bytes), last});
  }
}

} // namespace

gateway_core::gateway_core(gateway_config config, std::shared_ptr<metrics::rpc_counters> counters)
    : config_(config), counters_(std::move(counters)) {}

// -- requests

void gateway_core::on(const http_request& request, time_point now, gateway_output& out) {
  now_ = now;
  auto refuse = [&](grpc_code code, std::string text) {
    out.responses.push_back(failure(request.call, {code, std::move(text)}));
  };
  auto method = find_route(request.path);
  if (!method)
    return refuse(grpc_code::not_found, "Not Found");
  if (request.method != "POST")
    return refuse(grpc_code::unimplemented, "Method Not Allowed");
  auto from = caller_of(request, now);
  if (!from.bad_timeout.empty())
    return refuse(grpc_code::invalid_argument, "invalid grpc-timeout: " + from.bad_timeout);
  if (open_.size() >= config_.max_open_calls)
    return refuse(grpc_code::resource_exhausted,
                  std::string{status_of(errc::too_many_requests).text});
  auto number = ++last_number_;
  auto& c = open_[number];
  c.number = number;
  c.http = request.call;
  c.shape = &shape_of(*method);
  c.metadata = std::move(from.metadata);
  c.deadline = from.deadline;
  c.started = now;
  by_request_[c.http] = number;
  if (c.deadline != time_point::max())
    deadlines_.emplace(c.deadline, number);
  if (c.shape->client_stream)
    take_text(c, request.body.view(), !request.body_goes_on, out);
  else
    start_single(c, request.body.view(), out);
}

// As in etcd, what follows the first object is not looked at.
void gateway_core::start_single(call& c, std::string_view body, gateway_output& out) {
  c.text.add(body);
  auto json = c.text.next();
  if (!json && (c.text.malformed() || c.text.unfinished())) {
    bool malformed = c.text.malformed();
    return fail(
      c, {grpc_code::invalid_argument, malformed ? "a JSON object is expected" : "unexpected EOF"},
      out);
  }
  c.text = {};
  auto request = json_.request(c.shape->method, json.value_or("{}"));
  if (!request.error.empty())
    return fail(c, {grpc_code::invalid_argument, std::move(request.error)}, out);
  if (request.message.size() > config_.max_message_bytes)
    return fail(c, too_large(request.message.size()), out);
  emit(c, call_event::what::request, std::move(request.message), out);
}

void gateway_core::take_text(call& c, std::string_view bytes, bool last, gateway_output& out) {
  if (c.half_closed)
    return;
  c.text.add(bytes);
  c.text_ends = last;
  hand_on(c, out);
}

void gateway_core::hand_on(call& c, gateway_output& out) {
  while (!c.half_closed && c.unanswered < config_.max_unanswered) {
    auto json = c.text.next();
    if (!json) {
      look_at_rest(c, out);
      return;
    }
    auto request = json_.request(c.shape->method, *json);
    if (!request.error.empty())
      return end_requests(c, request.error, out);
    if (request.message.size() > config_.max_message_bytes)
      return abandon(c, too_large(request.message.size()), out);
    if (!c.opened)
      emit(c, call_event::what::open, {}, out);
    emit(c, call_event::what::message, std::move(request.message), out);
    ++c.unanswered;
  }
  hold(c, out);
}

// No complete object is there.
void gateway_core::look_at_rest(call& c, gateway_output& out) {
  if (c.text.malformed())
    end_requests(c, "a JSON object is expected", out);
  else if (c.text.size() > config_.max_object_bytes)
    end_requests(c, "the JSON object is too large", out);
  else if (c.text_ends)
    end_requests(c, c.text.unfinished() ? "unexpected EOF" : "", out);
  else
    hold(c, out);
}

// `why`: what is wrong with the text; empty: it has ended. A call that is under way goes on with
// the requests that came before, as in etcd.
void gateway_core::end_requests(call& c, std::string_view why, gateway_output& out) {
  if (!why.empty() && !c.opened) {
    out.responses.push_back(failure(
      c.http, {grpc_code::invalid_argument, "Failed to decode request: " + std::string{why}}));
    return forget(c);
  }
  if (!c.opened)
    emit(c, call_event::what::open, {}, out);
  emit(c, call_event::what::half_close, {}, out);
  c.half_closed = true;
  c.text = {};
  hold(c, out);
}

void gateway_core::hold(call& c, gateway_output& out) {
  held_ += c.text.size() - c.held;
  c.held = c.text.size();
  if (held_ > config_.max_held_bytes && c.held > 0)
    abandon(c,
            {grpc_code::resource_exhausted, std::string{status_of(errc::too_many_requests).text}},
            out);
}

grpc_refusal gateway_core::too_large(std::size_t bytes) const {
  return {grpc_code::resource_exhausted, std::string{status_of(errc::message_too_large).text} + " ("
                                           + std::to_string(bytes) + " vs. "
                                           + std::to_string(config_.max_message_bytes) + ")"};
}

void gateway_core::emit(call& c, call_event::what kind, std::string body, gateway_output& out) {
  auto begins = kind == call_event::what::request || kind == call_event::what::open;
  auto method = c.shape->method;
  c.opened = c.opened || begins;
  if (counters_ && begins)
    counters_->started(method, c.metadata->client_api_version);
  if (counters_ && (kind == call_event::what::request || kind == call_event::what::message))
    counters_->received(method);
  out.calls.push_back({.kind = kind,
                       .call = {config_.edge, c.number, 1},
                       .method = method,
                       .body = body.empty() ? blob{} : blob{std::move(body)},
                       .metadata = begins ? c.metadata : nullptr,
                       .deadline = c.deadline});
}

// -- what becomes of the HTTP client

void gateway_core::on(const http_event& event, time_point now, gateway_output& out) {
  now_ = now;
  auto known = by_request_.find(event.call);
  if (known == by_request_.end())
    return;
  auto& c = open_.at(known->second);
  switch (event.kind) {
  case http_event::what::body:
    take_text(c, event.body.view(), event.last, out);
    break;
  case http_event::what::writable:
    if (c.opened)
      emit(c, call_event::what::writable, {}, out);
    break;
  case http_event::what::gone:
    if (c.opened)
      emit(c, call_event::what::cancel, {}, out);
    count_end(c, grpc_code::canceled);
    forget(c);
    break;
  }
}

void gateway_core::on_tick(time_point now, gateway_output& out) {
  now_ = now;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto& row = status_of(errc::deadline_exceeded);
    abandon(open_.at(deadlines_.begin()->second), {row.code, std::string{row.text}}, out);
  }
}

time_point gateway_core::next_check() const {
  return deadlines_.empty() ? time_point::max() : deadlines_.begin()->first;
}

// -- answers

void gateway_core::on(const rpc_answers& answers, time_point now, gateway_output& out) {
  now_ = now;
  for (const auto& answer : answers.answers) {
    auto found = open_.find(answer.call.connection);
    if (answer.call.edge == config_.edge && found != open_.end())
      on(found->second, answer, out);
  }
}

void gateway_core::on(call& c, const rpc_answer& answer, gateway_output& out) {
  if (answer.has_message && !take_message(c, answer, out))
    return;
  if (answer.ends && answer.error == errc::none) {
    finish(c, out);
  } else if (answer.ends) {
    const auto& row = status_of(answer.error);
    fail(c, {row.code, answer.detail.empty() ? std::string{row.text} : answer.detail}, out);
  } else if (c.shape->client_stream) {
    c.unanswered = 0;
    hand_on(c, out);
  }
}

bool gateway_core::take_message(call& c, const rpc_answer& answer, gateway_output& out) {
  std::string message;
  message.reserve(answer.message.size() + answer.tail.size());
  message.append(answer.message.view()).append(answer.tail.view());
  auto json = json_.answer(c.shape->method, message);
  if (!json) {
    grpc_refusal why{grpc_code::internal, "the answer cannot be written as JSON"};
    answer.ends ? fail(c, why, out) : abandon(c, why, out);
    return false;
  }
  if (counters_)
    counters_->sent(c.shape->method);
  if (!c.shape->server_stream) {
    c.json = std::move(*json);
    return true;
  }
  if (!std::exchange(c.responded, true)) {
    out.responses.push_back(success(c.http));
    out.responses.back().body_goes_on = true;
  }
  append_part(out, c.http, "{\"result\":" + *json + "}\n", false);
  return true;
}

void gateway_core::finish(call& c, gateway_output& out) {
  if (c.responded) {
    append_part(out, c.http, {}, true);
  } else {
    auto response = success(c.http);
    if (!c.shape->server_stream)
      response.body = c.json.empty() ? "{}" : std::move(c.json);
    out.responses.push_back(std::move(response));
  }
  count_end(c, grpc_code::ok);
  forget(c);
}

void gateway_core::fail(call& c, const grpc_refusal& why, gateway_output& out) {
  if (c.responded) {
    append_part(out, c.http, error_line(why), true);
  } else {
    out.responses.push_back(failure(c.http, why));
    if (c.shape->server_stream)
      out.responses.back().body = error_line(why);
  }
  count_end(c, why.code);
  forget(c);
}

void gateway_core::abandon(call& c, const grpc_refusal& why, gateway_output& out) {
  if (c.opened)
    emit(c, call_event::what::cancel, {}, out);
  fail(c, why, out);
}

void gateway_core::count_end(const call& c, grpc_code code) const {
  if (counters_ && c.opened)
    counters_->handled(c.shape->method, static_cast<std::size_t>(code), now_ - c.started);
}

void gateway_core::forget(call& c) {
  held_ -= c.held;
  by_request_.erase(c.http);
  deadlines_.erase({c.deadline, c.number});
  open_.erase(c.number);
}

} // namespace troupe::gateway
