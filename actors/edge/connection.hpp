#pragma once

#include "actors/edge/connection_limits.hpp"
#include "actors/edge/heard.hpp"
#include "actors/edge/http1_session.hpp"
#include "actors/edge/http2_session.hpp"
#include "messages/clock.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe {

/// One client connection as a plain object: bytes in, calls out; answers in, bytes out. The first
/// bytes decide what it speaks: the HTTP/2 preface means gRPC, a TLS record is refused, everything
/// else is HTTP/1.1.
///
///     sniffing --HTTP/2 preface--> http2_session
///              --0x16 (TLS)------> refused
///              --other bytes-----> http1_session
class connection {
public:
  /// `origin.edge` and `origin.connection` name this connection in every event; `limits` and
  /// `shared` outlive
  /// it. `remote` is the client's address, for logs.
  connection(const connection_limits& limits, edge_shared& shared, call_id origin,
             std::string remote, time_point now);

  /// Takes bytes of the client and appends to `out` what they mean.
  void receive(std::string_view bytes, time_point now, heard& out);

  /// Takes one step of an answer to a gRPC call; dropped if the call is gone.
  void answer(rpc_answer answer, time_point now, heard& out);

  /// Takes the answer to an HTTP/1.1 request; dropped if the request is gone.
  void answer(http_response response, std::int64_t unix_seconds);

  /// Takes the next part of such an answer; dropped if the request is gone.
  void answer(http_body_part part, heard& out);

  /// Appends what is to be sent until `to` holds at least `budget` bytes or nothing is left; one
  /// frame may go beyond.
  void write(std::vector<char>& to, std::size_t budget, time_point now, heard& out);

  /// True if `write` may have something.
  bool wants_write() const;

  /// Does what is due; to be called when `now` reaches `next_check()`.
  void check(time_point now, heard& out);

  /// `time_point::max()`: nothing is due. May move to an earlier time in every other function.
  time_point next_check() const;

  /// Takes no more calls; those that are open go on until they end.
  void drain(time_point now);

  /// Nothing more to hear or to say: close once everything written has been sent.
  bool finished() const;

  /// Read no more for now.
  bool wants_pause() const;

  /// The transport is gone: `out` gets a `cancel` or `gone` for everything that is open.
  void lost(heard& out);

  std::size_t open_calls() const;

  /// Bytes of unfinished requests and unsent answers.
  std::size_t buffered_bytes() const;

private:
  struct sniffing {
    std::string bytes;
    time_point due;
    bool refused = false;
  };

  void choose(time_point now, heard& out);

  const connection_limits* limits_;
  edge_shared* shared_;
  call_id origin_;
  std::string remote_;
  std::variant<sniffing, std::unique_ptr<http2_session>, std::unique_ptr<http1_session>> session_;
};

} // namespace troupe
