// Feeds one connection of the client port with arbitrary bytes in arbitrary pieces, answers
// whatever it understands, lets time pass, and checks what must hold for every client.
//
// The first byte of an input chooses how the rest is read:
//   even  the bytes a client sends, in pieces cut by the bytes themselves
//   odd   a script of HTTP/2 frames behind a correct preface, so that mutation gets past the first
//   frame

#include "actors/edge/connection.hpp"
#include "messages/ensure.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace troupe;
using namespace std::chrono_literals;

connection_limits small_limits() {
  connection_limits result;
  result.max_message_bytes = 4'000;
  result.max_http_body_bytes = 4'000;
  result.max_header_bytes = 4'000;
  result.max_concurrent_streams = 20;
  result.max_assembly_bytes = 8'000;
  result.max_partial_bytes = 12'000;
  result.max_unread_bytes = 4'000;
  result.max_stream_unsent_bytes = 20'000;
  result.max_connection_unsent_bytes = 50'000;
  result.stream_window_bytes = 1'000;
  result.connection_window_bytes = 70'000;
  return result;
}

/// The state of one call as the services see it.
enum class call_state { open, half_closed, requested, cancelled, answered };

class fuzzed_connection {
public:
  fuzzed_connection() {
    shared_.http.streamed_paths = {"/v3/watch"};
  }

  void receive(std::string_view bytes) {
    link_.receive(bytes, now_, out_);
    settle();
  }

  void pass(std::chrono::nanoseconds time) {
    now_ += time;
    if (link_.next_check() <= now_)
      link_.check(now_, out_);
    settle();
  }

  void drain() {
    link_.drain(now_);
    settle();
  }

  void finish() {
    link_.lost(out_);
    settle();
    for (const auto& [call, state] : calls_)
      ensure(state == call_state::cancelled || state == call_state::answered,
             "whoever was told of a call is told of its end");
    ensure(!http_open_, "nor does an HTTP request stay open");
  }

private:
  // Answers one turn, writes some of it, and repeats while that brings news.
  void settle() {
    for (int turn = 0; turn < 100 && (hear() || turn == 0); ++turn)
      write();
    write();
    hear();
    // The unfinished messages of the streams, their first windows, and unsent answers.
    ensure(link_.buffered_bytes() <= 200'000, "what a client makes us keep is bounded");
  }

  bool hear() {
    auto heard = std::exchange(out_, {});
    for (auto& event : heard.calls)
      on(event);
    // Within one step the end of one request comes before the next.
    bool next_first = !heard.requests.empty() && !http_open_;
    if (next_first)
      on(heard.requests.front());
    for (auto& event : heard.http_events)
      on(event);
    ensure(heard.requests.size() <= 1, "one request at a time");
    if (!heard.requests.empty() && !next_first)
      on(heard.requests.front());
    return !heard.calls.empty() || !heard.requests.empty() || !heard.http_events.empty();
  }

  void write() {
    std::vector<char> bytes;
    if (link_.wants_write())
      link_.write(bytes, 3'000, now_, out_);
    ensure(bytes.size() <= 3'000 + 16'384 + 9 + 4'096, "a write keeps to its budget");
    written_ += bytes.size();
  }

  void on(const call_event& event) {
    using enum call_event::what;
    ensure(event.call.connection == 1, "calls name their connection");
    ensure(event.body.size() <= limits_.max_message_bytes, "messages keep to the limit");
    auto known = calls_.find(event.call);
    auto begins = event.kind == request || event.kind == open;
    ensure(begins == (known == calls_.end()), "a call begins once");
    ensure(begins == static_cast<bool>(event.metadata), "a call begins with its metadata");
    if (begins) {
      calls_[event.call] = event.kind == open ? call_state::open : call_state::requested;
      if (event.kind == request)
        answer(event);
      return;
    }
    ensure(known->second != call_state::cancelled, "nothing follows the end of a call");
    // What the client did before our last answer reached the connection.
    if (known->second == call_state::answered)
      return;
    if (event.kind == cancel) {
      known->second = call_state::cancelled;
    } else if (event.kind == half_close) {
      ensure(known->second == call_state::open, "half close follows open, once");
      known->second = call_state::half_closed;
      end(event.call);
    } else if (event.kind == message) {
      ensure(known->second == call_state::open, "messages come before half close");
      answer(event);
    }
  }

  void answer(const call_event& event) {
    rpc_answer answer{.call = event.call, .has_message = true};
    answer.message = event.body;
    // The request chooses how it is answered.
    auto choice = event.body.empty() ? 0 : event.body.view().front() % 5;
    if (choice == 1)
      answer.message = blob{std::string(10'000, 'x')};
    if (choice == 2)
      return;
    answer.ends = event.kind == call_event::what::request && choice != 3;
    answer.error = choice == 4 ? errc::compacted : errc::none;
    auto ends = answer.ends;
    link_.answer(std::move(answer), now_, out_);
    if (ends)
      calls_[event.call] = call_state::answered;
  }

  void end(call_id call) {
    link_.answer(rpc_answer{.call = call, .ends = true}, now_, out_);
    calls_[call] = call_state::answered;
  }

  void on(const http_request& request) {
    ensure(request.body.size() <= limits_.max_http_body_bytes, "bodies keep to the limit");
    ensure(!http_open_, "the next request waits for the end of the last");
    http_response response{.call = request.call, .content_type = "text/plain"};
    response.body = request.path;
    // The request chooses how it is answered.
    response.body_goes_on = request.path.size() % 2 == 1 || request.body_goes_on;
    receives_ = request.body_goes_on;
    if (response.body_goes_on)
      http_open_ = request.call;
    link_.answer(response, 0);
    if (response.body_goes_on && !receives_)
      part(std::string(request.path.size() * 900, 'x'), request.path.size() % 4 == 1);
  }

  void on(const http_event& event) {
    ensure(http_open_ == event.call, "events belong to the open request");
    if (event.kind == http_event::what::gone)
      http_open_.reset();
    if (event.kind != http_event::what::body)
      return;
    ensure(std::exchange(receives_, !event.last), "a body ends once");
    part(std::string{event.body.view()}, event.last);
  }

  void part(std::string bytes, bool last) {
    auto call = *http_open_;
    if (last)
      http_open_.reset();
    link_.answer(http_body_part{call, std::move(bytes), last}, out_);
  }

  connection_limits limits_ = small_limits();
  time_point now_{1h};
  heard out_;
  edge_shared shared_;
  connection link_{limits_, shared_, {.edge = 0, .connection = 1}, "fuzz", now_};
  std::map<call_id, call_state> calls_;
  /// An HTTP/1.1 request whose answer has not ended.
  std::optional<call_id> http_open_;
  /// Its body goes on.
  bool receives_ = false;
  std::size_t written_ = 0;
};

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  std::string result;
  for (auto shift : {16, 8, 0})
    result += static_cast<char>(payload.size() >> shift);
  result += static_cast<char>(type);
  result += static_cast<char>(flags);
  for (auto shift : {24, 16, 8, 0})
    result += static_cast<char>(stream >> shift);
  return result.append(payload);
}

std::string
literal_fields(std::initializer_list<std::pair<std::string_view, std::string_view>> xs) {
  std::string block;
  for (auto [name, value] : xs) {
    block += '\0';
    block += static_cast<char>(name.size());
    block += name;
    block += static_cast<char>(value.size());
    block += value;
  }
  return block;
}

std::string header_of(std::uint8_t which) {
  static const char* const paths[] = {"/etcdserverpb.KV/Put", "/etcdserverpb.Watch/Watch",
                                      "/etcdserverpb.Maintenance/Snapshot",
                                      "/etcdserverpb.Lease/LeaseKeepAlive", "/nothing"};
  static const char* const timeouts[] = {"1S", "10m", "99999999H", "x"};
  return literal_fields({{":method", which & 0x80 ? "GET" : "POST"},
                         {":scheme", "http"},
                         {":path", paths[which % 5]},
                         {":authority", "a"},
                         {"content-type", which & 0x40 ? "text/plain" : "application/grpc"},
                         {"grpc-timeout", timeouts[which >> 3 & 3]}});
}

/// Takes bytes from the front; zeros when there are none left.
struct reader {
  std::string_view bytes;

  std::uint8_t byte() {
    if (bytes.empty())
      return 0;
    auto result = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    return result;
  }

  std::string_view piece(std::size_t size) {
    auto result = bytes.substr(0, size);
    bytes.remove_prefix(result.size());
    return result;
  }
};

void play_script(fuzzed_connection& connection, reader script) {
  connection.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""));
  std::uint32_t newest = 1;
  while (!script.bytes.empty()) {
    auto step = script.byte();
    auto stream = (script.byte() % 16 * 2 + 1);
    switch (step % 8) {
    case 0: {
      auto flags = static_cast<std::uint8_t>(4 | (step >> 7));
      connection.receive(frame(1, flags, newest, header_of(script.byte())));
      newest += 2;
      break;
    }
    case 1: {
      auto message = script.piece(script.byte() % 64);
      std::string prefixed{'\0', '\0', '\0', '\0', static_cast<char>(message.size())};
      connection.receive(
        frame(0, step >> 7, static_cast<std::uint32_t>(stream), prefixed.append(message)));
      break;
    }
    case 2:
      connection.receive(
        frame(0, step >> 7, static_cast<std::uint32_t>(stream), script.piece(script.byte())));
      break;
    case 3:
      connection.receive(
        frame(script.byte(), script.byte(), script.byte(), script.piece(script.byte())));
      break;
    case 4:
      connection.pass(std::chrono::milliseconds{script.byte() * 50});
      break;
    case 5:
      connection.receive(frame(3, 0, static_cast<std::uint32_t>(stream), {"\0\0\0\x8", 4}));
      break;
    case 6:
      connection.receive(
        frame(8, 0, step & 0x80 ? 0 : static_cast<std::uint32_t>(stream), {"\0\0\x7f\xff", 4}));
      break;
    case 7:
      step & 0x80 ? connection.drain() : connection.receive(script.piece(script.byte()));
      break;
    }
  }
}

void play_raw(fuzzed_connection& connection, std::string_view bytes) {
  while (!bytes.empty()) {
    auto size = static_cast<std::size_t>(static_cast<std::uint8_t>(bytes.back())) + 1;
    connection.receive(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  connection.pass(20s);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  fuzzed_connection connection;
  std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
  if (data[0] % 2 == 0)
    play_raw(connection, rest);
  else
    play_script(connection, reader{rest});
  connection.finish();
  return 0;
}
