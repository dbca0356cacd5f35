#pragma once

#include "actors/edge/grpc_wire.hpp"
#include "actors/gateway/json_objects.hpp"
#include "actors/gateway/transcoder.hpp"
#include "actors/metrics/rpc_counters.hpp"
#include "messages/clock.hpp"
#include "messages/http.hpp"
#include "messages/rpc.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::gateway {

struct gateway_config {
  /// `call_id::edge` of the gateway's calls: it stands where an edge stands.
  std::uint32_t edge = 0;
  /// Calls that may be open; one more is refused with 429.
  std::size_t max_open_calls = 65'536;
  /// Largest encoded request (`--max-request-bytes` + 512 KiB).
  std::size_t max_message_bytes = 2'097'152;
  /// Largest JSON object of a stream of requests: base64 takes four bytes for three.
  std::size_t max_object_bytes = 2'863'104;
  /// Text of all streams of requests that is not handed on; a stream that needs more ends.
  std::size_t max_held_bytes = std::size_t{64} << 20;
  /// Requests of one stream that are handed on before an answer comes.
  std::size_t max_unanswered = 1'024;
};

/// What one step of the gateway asks of its host, to be done from top to bottom.
struct gateway_output {
  /// To the service.
  std::vector<call_event> calls;
  /// To the edges.
  std::vector<http_response> responses;
  std::vector<http_body_part> parts;
};

/// The JSON gateway (etcd-semantics 17): HTTP requests in, calls of the client API out, and their
/// answers back as JSON. A method that answers with a stream sends one line for each message:
/// {"result":{...}}, and {"error":{...}} where it fails. Pure: time comes in, work goes out.
class gateway_core {
public:
  /// @param counters where calls are counted, as those of gRPC clients are; null: nowhere.
  gateway_core(gateway_config config, std::shared_ptr<metrics::rpc_counters> counters);

  void on(const http_request& request, time_point now, gateway_output& out);

  /// Ignored if the request is unknown.
  void on(const http_event& event, time_point now, gateway_output& out);

  /// Answers of the services to the gateway's calls; all others are ignored.
  void on(const rpc_answers& answers, time_point now, gateway_output& out);

  /// Ends the calls whose deadlines have passed.
  void on_tick(time_point now, gateway_output& out);

  /// When `on_tick` has work; `time_point::max()`: never.
  time_point next_check() const;

  std::size_t open_calls() const {
    return open_.size();
  }

  /// Bytes of requests that are not handed on.
  std::size_t held_bytes() const {
    return held_;
  }

private:
  struct call {
    std::uint64_t number = 0;
    /// The request it belongs to.
    call_id http;
    const rpc_shape* shape = nullptr;
    std::shared_ptr<const call_metadata> metadata;
    time_point deadline = time_point::max();
    time_point started;
    /// Requests that are not handed on.
    json_objects text;
    /// As counted in `held_`.
    std::size_t held = 0;
    /// No more text will come.
    bool text_ends = false;
    /// The service knows of it.
    bool opened = false;
    bool half_closed = false;
    std::size_t unanswered = 0;
    /// The answer has begun.
    bool responded = false;
    /// The answer of a method that has one.
    std::string json;
  };

  // Some of these end the call: it is not to be used after them.
  void start_single(call& c, std::string_view body, gateway_output& out);
  void take_text(call& c, std::string_view bytes, bool last, gateway_output& out);
  void hand_on(call& c, gateway_output& out);
  void look_at_rest(call& c, gateway_output& out);
  void end_requests(call& c, std::string_view why, gateway_output& out);
  void hold(call& c, gateway_output& out);
  grpc_refusal too_large(std::size_t bytes) const;
  void emit(call& c, call_event::what kind, std::string body, gateway_output& out);

  void on(call& c, const rpc_answer& answer, gateway_output& out);
  /// @returns false if that ended the call.
  bool take_message(call& c, const rpc_answer& answer, gateway_output& out);
  void finish(call& c, gateway_output& out);
  void fail(call& c, const grpc_refusal& why, gateway_output& out);
  /// Fails a call that the service may know of.
  void abandon(call& c, const grpc_refusal& why, gateway_output& out);
  void count_end(const call& c, grpc_code code) const;
  void forget(call& c);

  gateway_config config_;
  std::shared_ptr<metrics::rpc_counters> counters_;
  transcoder json_;
  /// By number, which is never used again and is the connection of the call.
  std::map<std::uint64_t, call> open_;
  std::map<call_id, std::uint64_t> by_request_;
  std::set<std::pair<time_point, std::uint64_t>> deadlines_;
  std::uint64_t last_number_ = 0;
  std::size_t held_ = 0;
  /// Of the step under way.
  time_point now_;
};

} // namespace troupe::gateway
