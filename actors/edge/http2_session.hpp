#pragma once

#include "actors/edge/call_header.hpp"
#include "actors/edge/connection_limits.hpp"
#include "actors/edge/edge_shared.hpp"
#include "actors/edge/field_rules.hpp"
#include "actors/edge/grpc_wire.hpp"
#include "actors/edge/heard.hpp"
#include "actors/edge/unsent_messages.hpp"
#include "messages/clock.hpp"

#include <memory>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace troupe {

/// One call of a client, from its header to the last byte of its answer.
struct grpc_stream {
  std::int32_t id = 0;
  /// Place in the list of open streams.
  std::size_t position = 0;

  // What the client sends.
  field_rules rules;
  call_header header;
  std::size_t header_bytes = 0;
  /// What the open stream counts for among the unfinished requests.
  std::size_t charged = 0;
  std::shared_ptr<const call_metadata> metadata;
  message_assembler assembler;
  time_point deadline = time_point::max();
  /// When the message that is under way must be complete.
  time_point message_due = time_point::max();
  /// `open` or `request` was handed on.
  bool dispatched = false;
  time_point dispatched_at;
  /// How the call came out has been counted.
  bool counted = false;
  /// What the client still sends goes nowhere: the request is complete, or the call refused.
  bool discarding = false;
  /// Announced bytes that count against `max_assembly_bytes`.
  std::size_t reserved = 0;
  /// Bytes received for which the client has got no window back.
  std::size_t withheld = 0;
  /// Bytes of messages handed on since the last answer.
  std::size_t unread = 0;

  // What we answer.
  unsent_messages unsent;
  /// When bytes last left, or when the first came.
  time_point last_progress;
  /// The header of the answer was submitted.
  bool responded = false;
  /// nghttp2 waits to be told that there is more.
  bool deferred = false;
  /// No more answers: `status` is sent behind what is queued.
  bool ended = false;
  bool owes_writable = false;
  grpc_refusal status;

  /// Back to a fresh stream that keeps the memory of its strings.
  void reset();
};

/// The gRPC side of one HTTP/2 connection: bytes in, calls out; answers in, bytes out. Holds no
/// socket and no clock.
class http2_session {
public:
  /// `origin` names edge and connection. `limits` and `shared` outlive the session.
  http2_session(const connection_limits& limits, edge_shared& shared, call_id origin,
                std::string remote, time_point now);
  ~http2_session();
  http2_session(const http2_session&) = delete;
  http2_session& operator=(const http2_session&) = delete;

  void receive(std::string_view bytes, time_point now, heard& out);

  /// Answers for streams that are gone are dropped.
  void answer(rpc_answer answer, time_point now, heard& out);

  /// Appends what is to be sent until `to` holds at least `budget` bytes or nothing is left.
  void write(std::vector<char>& to, std::size_t budget, time_point now, heard& out);

  /// True if `write` may have something.
  bool wants_write() const;

  /// Does what is due at `now`; to be called at or after `next_check()`.
  void check(time_point now, heard& out);

  time_point next_check() const {
    return next_check_;
  }

  /// Tells the client to open no more calls here; those that are open go on.
  void drain(time_point now);

  /// The connection has nothing more to say or to hear once everything is written.
  bool finished() const;

  /// The transport is gone: nobody waits for the open calls any more.
  void lost(heard& out);

  /// Calls whose answer is not complete.
  std::size_t open_calls() const {
    return streams_.size();
  }

  /// Bytes of unfinished messages, of open streams and of unsent answers.
  std::size_t buffered_bytes() const {
    return unsent_.bytes() + partial_.bytes();
  }

private:
  friend struct http2_callbacks;

  grpc_stream* stream(std::int32_t id) const;
  grpc_stream& open_stream(std::int32_t id);
  void close_stream(grpc_stream& s);

  void on_header_block(const nghttp2_frame& frame);
  int on_field(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void on_request_header(grpc_stream& s);
  void on_chunk(std::int32_t id, std::string_view bytes);
  void on_data(grpc_stream& s, std::string_view bytes);
  void on_message(grpc_stream& s);
  void on_half_close(grpc_stream& s);
  void on_ping();
  void on_frame(const nghttp2_frame& frame);
  void on_frame_sent(const nghttp2_frame& frame);
  void on_frame_not_sent(const nghttp2_frame& frame);
  void on_closed(std::int32_t id);

  void emit(grpc_stream& s, call_event::what kind, std::string body = {});
  void end(grpc_stream& s, grpc_refusal status, std::string_view http_status = "200");
  void abort(grpc_stream& s, grpc_refusal status);
  void cancel(grpc_stream& s);
  void count_heard(const grpc_stream& s, call_event::what kind);
  /// Once per call.
  void count_end(grpc_stream& s, grpc_code code);
  void respond(grpc_stream& s, std::string_view http_status = "200");
  void submit_trailer(grpc_stream& s);
  bool push(grpc_stream& s, blob head, blob tail);

  void charge(grpc_stream& s, std::size_t bytes);
  bool over_budget() const;
  bool holds_too_many_answers() const;
  void refuse_as_too_many(grpc_stream& s);
  void give_window(grpc_stream& s, std::size_t bytes);
  bool may_send(grpc_stream& s);
  void release_reservation(grpc_stream& s);

  ssize_t next_piece(grpc_stream& s, std::size_t length, std::uint32_t& flags);
  bool append_piece(grpc_stream& s, const std::uint8_t* header, std::size_t length);

  void check_stream(grpc_stream& s, time_point& next);
  bool may_stall(const grpc_stream& s) const;
  void give_up(grpc_stream& s);
  void check_connection(time_point& next);
  /// `now + wait`, at most `time_point::max()`.
  static time_point later(time_point now, std::chrono::nanoseconds wait);
  void due(time_point when);
  void due_in(std::chrono::nanoseconds wait);
  void close_now(std::uint32_t error, std::string_view why);

  const connection_limits& limits_;
  edge_shared& shared_;
  call_id origin_;
  std::string remote_;
  nghttp2_session* session_ = nullptr;

  /// Set while one of the public functions runs.
  time_point now_;
  heard* out_ = nullptr;
  /// Set while `write` runs.
  std::vector<char>* to_ = nullptr;
  std::size_t write_until_ = 0;

  std::vector<grpc_stream*> streams_;
  std::vector<std::unique_ptr<grpc_stream>> spare_;
  byte_share unsent_;
  byte_share partial_;
  std::size_t reserved_ = 0;
  bool waiting_for_assembly_ = false;

  // Calls of one connection mostly repeat both.
  std::string last_path_;
  const rpc_shape* last_shape_ = nullptr;
  std::shared_ptr<const call_metadata> last_metadata_;

  time_point next_check_ = time_point::max();
  time_point header_due_;
  bool settings_received_ = false;
  time_point last_heard_;
  time_point ping_answer_due_ = time_point::max();
  time_point last_client_ping_;
  bool client_pinged_ = false;
  bool sent_since_ping_ = false;
  unsigned ping_strikes_ = 0;
  enum class draining : std::uint8_t { no, announced, final_notice } draining_ = draining::no;
  bool closing_ = false;
  bool broken_ = false;
};

} // namespace troupe
