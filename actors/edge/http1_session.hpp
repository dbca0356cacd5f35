#pragma once

#include "actors/edge/byte_queue.hpp"
#include "actors/edge/connection_limits.hpp"
#include "actors/edge/edge_shared.hpp"
#include "actors/edge/heard.hpp"
#include "messages/clock.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// One HTTP/1.x connection: bytes in, requests out; responses in, bytes out. One request at a time;
/// what a client pipelines behind it waits in the buffer until the answer has left. Holds no socket
/// and no clock.
///
/// An answer may come in parts (chunked; to HTTP/1.0 up to the connection's end), and on paths that
/// stream it may begin before the request ends. Nobody then limits how long either takes: cut
/// are only clients that do not read, by the bytes that wait for them and by the edge's stall
/// timeout, and those that sent so much without an answer that no more is read, after the time that
/// other bodies have.
class http1_session {
public:
  /// `limits` and `shared` outlive the session.
  http1_session(const connection_limits& limits, edge_shared& shared, call_id origin,
                std::string remote, time_point now);
  ~http1_session();

  void receive(std::string_view bytes, time_point now, heard& out);

  /// Dropped unless it answers the open request. `unix_seconds` becomes the Date field.
  void answer(http_response response, std::int64_t unix_seconds);

  /// Dropped unless its answer has begun. `out` gets a `gone` if too much waits for the client; the
  /// connection is then finished.
  void answer(http_body_part part, heard& out);

  /// Appends what is to be sent until `to` holds at least `budget` bytes or nothing is left. With
  /// the last byte of an answer the next request is handed on.
  void write(std::vector<char>& to, std::size_t budget, time_point now, heard& out);

  bool wants_write() const {
    return !output_.empty() || answering_;
  }

  /// The transport is gone.
  void lost(heard& out);

  void check(time_point now, heard& out);

  time_point next_check() const {
    return due_;
  }

  /// The next answer closes the connection; an idle one is finished at once.
  void drain();

  /// Everything is written and nothing more will be read.
  bool finished() const;

  /// True while the edge shall not read: a request is open, or its answer unsent, and enough waits
  /// behind it.
  bool wants_pause() const;

  std::size_t buffered_bytes() const {
    return partial_.bytes() + unsent_.bytes();
  }

  std::size_t open_calls() const {
    return waiting_ ? 1 : 0;
  }

private:
  class parser;

  void parse(time_point now, heard& out);
  bool feed(time_point now, heard& out);
  std::string_view path() const;
  bool streams_body() const;
  /// For so much of the body that no more of it is read.
  bool waits_for_answer() const;
  void hand_on(heard& out);
  void hand_on_body(heard& out);
  void go_on(time_point now, heard& out);

  /// No further request is looked at: one client never has more than one answer waiting.
  bool busy() const {
    return waiting_ || answering_;
  }

  /// What comes from the client has a meaning now.
  bool reads() const {
    return !busy() || receiving_;
  }

  void refuse(unsigned status);
  void refuse_rest(unsigned status, heard& out);
  void abort(heard& out);
  void emit(http_event::what kind, heard& out);
  void complete_answer();
  void append_header(const http_response& response, std::int64_t unix_seconds);
  void append_body(std::string&& bytes);
  void append_part(std::string&& bytes, bool last);

  const connection_limits& limits_;
  edge_shared& shared_;
  /// What was received behind the last request that was handed on.
  byte_share partial_;
  byte_share unsent_;
  call_id origin_;
  std::string remote_;
  std::unique_ptr<parser> parser_;
  std::string input_;
  byte_queue output_;
  /// A request is handed on and its answer not complete.
  bool waiting_ = false;
  /// Parts of its body are still to come.
  bool receiving_ = false;
  /// Bytes of such parts, handed on since the last part of the answer.
  std::size_t unread_ = 0;
  /// Its answer has begun.
  bool responded_ = false;
  /// The parts of the answer are chunks.
  bool chunked_ = false;
  bool owes_writable_ = false;
  /// Parts of its answer are not sent.
  bool answering_ = false;
  bool head_ = false;
  /// Whose pages may read the answer; empty: those of no other origin.
  std::string allowed_origin_;
  bool keep_alive_ = true;
  unsigned version_ = 11;
  bool continued_ = false;
  bool draining_ = false;
  bool closing_ = false;
  time_point due_;
};

} // namespace troupe
