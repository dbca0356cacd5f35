// Feeds the JSON gateway with requests whose paths, headers and bodies are arbitrary, answers the
// calls that come out with arbitrary messages, and checks what must hold for every client.
//
// An input is: one byte that chooses the route (or a path of the input's own), one that chooses how
// the body is cut and how calls are answered, then the body. The messages of answers are the
// client's own requests: bytes of one type read as another.

#include "actors/gateway/gateway_core.hpp"
#include "actors/gateway/routes.hpp"
#include "messages/ensure.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace troupe;
using namespace std::chrono_literals;

constexpr std::uint32_t edge = 99;
constexpr call_id client{1, 1, 1};

/// A call as the services see it.
enum class call_state { open, cancelled, answered };

/// One request and whatever the gateway does for it.
class fuzzed_request {
public:
  fuzzed_request(gateway::gateway_core& core, std::uint8_t choice) : core_(core), choice_(choice) {}

  void ask(std::string path, std::string_view body) {
    http_request request{.call = client,
                         .method = choice_ & 0x40 ? "GET" : "POST",
                         .path = std::move(path),
                         .headers = {},
                         .body = {}};
    if (choice_ & 0x20)
      request.headers = {{"grpc-timeout", std::string{body.substr(0, 4)}},
                         {"grpc-metadata-token", std::string{body.substr(0, 9)}}};
    auto first = choice_ & 0x10 ? body.size() / 2 : body.size();
    request.body = blob{std::string{body.substr(0, first)}};
    request.body_goes_on = first < body.size();
    auto method = gateway::find_route(request.path);
    bool streams = method && shape_of(*method).client_stream;
    step([&](auto& out) { core_.on(request, now_, out); });
    if (streams && request.body_goes_on)
      event({.kind = http_event::what::body,
             .call = client,
             .body = blob{std::string{body.substr(first)}},
             .last = true});
  }

  void finish() {
    event({.kind = http_event::what::writable, .call = client, .body = {}});
    step([&](auto& out) { core_.on_tick(now_ + 1s, out); });
    event({.kind = http_event::what::gone, .call = client, .body = {}});
    ensure(core_.open_calls() == 0, "a request that is gone leaves no call");
    ensure(core_.held_bytes() == 0, "nor anything of its body");
    for (const auto& [call, state] : calls_)
      ensure(state != call_state::open, "whoever was told of a call is told of its end");
  }

private:
  void event(const http_event& event) {
    step([&](auto& out) { core_.on(event, now_, out); });
  }

  template <class Step>
  void step(Step take) {
    gateway::gateway_output out;
    take(out);
    for (int turn = 0; turn < 20; ++turn) {
      look_at(out);
      auto answers = answers_to(out);
      out = {};
      if (answers.answers.empty())
        break;
      core_.on(answers, now_, out);
    }
    look_at(out);
    answers_to(out);
  }

  void look_at(const gateway::gateway_output& out) {
    for (const auto& response : out.responses) {
      ensure(response.call == client, "answers name their request");
      ensure(!std::exchange(responded_, true), "a request has one answer");
      ended_ = !response.body_goes_on;
      if (!response.body.empty())
        look_at_lines(response.body);
    }
    for (const auto& part : out.parts) {
      ensure(responded_ && !ended_, "parts come between the beginning and the end");
      ended_ = part.last;
      look_at_lines(part.bytes);
    }
  }

  static void look_at_lines(std::string_view text) {
    while (!text.empty()) {
      auto line = text.substr(0, text.find('\n'));
      ensure(nlohmann::json::accept(line), "every line is JSON");
      text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
  }

  rpc_answers answers_to(const gateway::gateway_output& out) {
    using enum call_event::what;
    rpc_answers result;
    for (const auto& event : out.calls) {
      ensure(event.call.edge == edge, "calls name the gateway");
      ensure(event.body.size() <= 4'000, "messages keep to the limit");
      auto begins = event.kind == request || event.kind == open;
      ensure(begins == !calls_.contains(event.call), "a call begins once");
      ensure(begins == static_cast<bool>(event.metadata), "a call begins with its metadata");
      auto& state = calls_[event.call];
      ensure(state != call_state::cancelled, "nothing follows the end of a call");
      // Otherwise said before the last answer arrived.
      if (state == call_state::open && event.kind == cancel)
        state = call_state::cancelled;
      else if (state == call_state::open)
        answer(event, state, result);
    }
    return result;
  }

  void answer(const call_event& event, call_state& state, rpc_answers& to) {
    rpc_answer answer{.call = event.call, .message = {}, .tail = {}};
    answer.has_message =
      event.kind == call_event::what::request || event.kind == call_event::what::message;
    answer.message = event.body.slice(0, event.body.size() / 2);
    answer.tail = event.body.slice(event.body.size() / 2);
    answer.ends = (choice_ & 3) != 0 && event.kind != call_event::what::open;
    answer.error = choice_ & 4 ? errc::compacted : errc::none;
    if (choice_ & 8)
      answer.detail = event.body.view();
    if (answer.has_message || answer.ends)
      to.answers.push_back(answer);
    if (answer.ends)
      state = call_state::answered;
  }

  gateway::gateway_core& core_;
  std::uint8_t choice_;
  time_point now_{1h};
  bool responded_ = false;
  bool ended_ = false;
  std::map<call_id, call_state> calls_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  // Its schemas take long to look up.
  static gateway::gateway_core core{{.edge = edge,
                                     .max_message_bytes = 4'000,
                                     .max_object_bytes = 3'000,
                                     .max_held_bytes = 4'000,
                                     .max_unanswered = 3},
                                    nullptr};
  std::string_view rest{reinterpret_cast<const char*>(data) + 2, size - 2};
  auto routes = gateway::routes();
  std::string path{rest.substr(0, rest.find('\n'))};
  if (data[0] < routes.size())
    path = "/v3/" + std::string{routes[data[0]].path};
  fuzzed_request request{core, data[1]};
  request.ask(std::move(path), rest);
  request.finish();
  return 0;
}
