#pragma once

#include "actors/edge/connection.hpp"
#include "test/actors/edge/grpc_peer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

using what = call_event::what;

/// A client and a connection that exchange bytes by value, at a time that the test sets.
struct conversation {
  static constexpr call_id origin{.edge = 7, .connection = 42};

  explicit conversation(const connection_limits& limits = {}, std::uint32_t window = 65'535,
                        bool automatic_window = true)
      : limits(limits), shared(own), peer(window, automatic_window) {}

  /// Another connection of the edge on which `neighbour`, which lives longer, is.
  explicit conversation(conversation& neighbour)
      : limits(neighbour.limits), now(neighbour.now), shared(neighbour.shared) {}

  conversation(const conversation&) = delete;

  /// Carries bytes both ways until nobody has more to say.
  void run() {
    for (;;) {
      auto bytes = peer.output();
      if (!bytes.empty())
        link.receive(bytes, now, out);
      if (flush() == 0 && bytes.empty())
        return;
    }
  }

  /// Carries what the connection has to say. @returns how much that was.
  std::size_t flush() {
    std::size_t total = 0;
    while (link.wants_write()) {
      std::vector<char> bytes;
      link.write(bytes, 32'768, now, out);
      if (bytes.empty())
        break;
      total += bytes.size();
      largest_write = std::max(largest_write, bytes.size());
      peer_understands = peer.input({bytes.data(), bytes.size()}) && peer_understands;
    }
    return total;
  }

  void pass(std::chrono::nanoseconds time) {
    now += time;
    if (link.next_check() <= now)
      link.check(now, out);
    run();
  }

  std::vector<call_event> take() {
    return std::exchange(out.calls, {});
  }

  /// A unary call with its answer. @returns its stream.
  std::int32_t answer_next(std::string_view method, std::string body) {
    auto id = peer.call(method, framed("x"));
    run();
    answer(reply_with(take().at(0).call, blob{std::move(body)}));
    run();
    return id;
  }

  void answer(rpc_answer x) {
    link.answer(std::move(x), now, out);
  }

  connection_limits limits;
  time_point now{std::chrono::hours{1}};
  heard out;
  edge_shared own;
  edge_shared& shared;
  connection link{limits, shared, origin, "10.0.0.1:999", now};
  grpc_peer peer;
  std::size_t largest_write = 0;
  bool peer_understands = true;
};

/// A frame of HTTP/2, whatever it says.
inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload) {
  std::string result;
  auto size = payload.size();
  for (auto shift : {16, 8, 0})
    result += static_cast<char>(size >> shift);
  result += static_cast<char>(type);
  result += static_cast<char>(flags);
  for (auto shift : {24, 16, 8, 0})
    result += static_cast<char>(stream >> shift);
  return result.append(payload);
}

/// What an HTTP/2 client says first.
inline std::string preface_and_settings() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "");
}

inline std::size_t count(const std::vector<call_event>& events, what kind) {
  return static_cast<std::size_t>(
    std::count_if(events.begin(), events.end(), [&](const auto& e) { return e.kind == kind; }));
}

inline rpc_answer message_to(call_id call, std::string text) {
  return {.call = call, .has_message = true, .message = blob{std::move(text)}};
}

} // namespace troupe::test
