// The half of http2_session that writes: answers in, frames out.

#include "actors/edge/http2_callbacks.hpp"
#include "actors/edge/http2_session.hpp"
#include "actors/edge/status_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe {

namespace {

nghttp2_nv field(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view x) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(x.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// For names and values that live as long as the program.
nghttp2_nv fixed_field(std::string_view name, std::string_view value) {
  auto result = field(name, value);
  result.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  return result;
}

// nghttp2 sends no header block above 64 KiB, and percent-encoding takes three bytes for one.
constexpr std::size_t max_status_text_bytes = 4'096;

// Not inside of a UTF-8 character.
void cut_status_text(std::string& text) {
  if (text.size() <= max_status_text_bytes)
    return;
  auto size = max_status_text_bytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
    --size;
  text.resize(size);
}

std::string_view number_of(grpc_code code) {
  constexpr std::array<std::string_view, 17> names{
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};
  return names[static_cast<std::size_t>(code)];
}

} // namespace

// False if the stream holds too much already; one answer of any size may join an empty stream.
bool http2_session::push(grpc_stream& s, blob head, blob tail) {
  if (s.unsent.bytes() > limits_.max_stream_unsent_bytes)
    return false;
  if (s.unsent.empty()) {
    s.last_progress = now_;
    due_in(limits_.stall_timeout);
  }
  auto before = s.unsent.bytes();
  s.unsent.push(std::move(head), std::move(tail));
  unsent_.add(s.unsent.bytes() - before);
  return true;
}

void http2_session::end(grpc_stream& s, grpc_refusal status, std::string_view http_status) {
  if (s.ended)
    return;
  s.ended = true;
  s.discarding = true;
  s.status = std::move(status);
  cut_status_text(s.status.text);
  count_end(s, s.status.code);
  s.deadline = time_point::max();
  s.message_due = time_point::max();
  partial_.remove(s.assembler.buffered());
  s.assembler.reset(limits_.max_message_bytes);
  release_reservation(s);
  respond(s, http_status);
}

void http2_session::abort(grpc_stream& s, grpc_refusal status) {
  cancel(s);
  end(s, std::move(status));
}

void http2_session::refuse_as_too_many(grpc_stream& s) {
  const auto& row = status_of(errc::too_many_requests);
  abort(s, {row.code, std::string{row.text}});
}

void http2_session::respond(grpc_stream& s, std::string_view http_status) {
  if (s.responded) {
    if (std::exchange(s.deferred, false))
      nghttp2_session_resume_data(session_, s.id);
    return;
  }
  s.responded = true;
  std::array<nghttp2_nv, 4> header{fixed_field(":status", http_status),
                                   fixed_field("content-type", "application/grpc")};
  nghttp2_data_provider provider{{.ptr = &s}, http2_callbacks::read_data};
  if (!s.ended || !s.unsent.empty()) {
    nghttp2_submit_response(session_, s.id, header.data(), 2, &provider);
    return;
  }
  // Nothing but a status: one header block says it all.
  std::string text;
  append_percent_encoded(text, s.status.text);
  header[2] = fixed_field("grpc-status", number_of(s.status.code));
  header[3] = field("grpc-message", text);
  nghttp2_submit_response(session_, s.id, header.data(), text.empty() ? 3 : 4, nullptr);
}

void http2_session::submit_trailer(grpc_stream& s) {
  std::string text;
  append_percent_encoded(text, s.status.text);
  std::array<nghttp2_nv, 2> trailer{fixed_field("grpc-status", number_of(s.status.code)),
                                    field("grpc-message", text)};
  nghttp2_submit_trailer(session_, s.id, trailer.data(), text.empty() ? 1 : 2);
}

ssize_t http2_session::next_piece(grpc_stream& s, std::size_t length, std::uint32_t& flags) {
  if (s.unsent.empty() && !s.ended) {
    s.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  auto n = std::min(length, s.unsent.bytes());
  if (n > 0)
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n == s.unsent.bytes() && s.ended) {
    flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailer(s);
  }
  return static_cast<ssize_t>(n);
}

// False if the budget is used up: nghttp2 would go on as long as there is data.
bool http2_session::append_piece(grpc_stream& s, const std::uint8_t* header, std::size_t length) {
  if (to_->size() >= write_until_)
    return false;
  constexpr std::size_t frame_header_size = 9;
  to_->insert(to_->end(), header, header + frame_header_size);
  s.unsent.move_to(*to_, length);
  unsent_.remove(length);
  s.last_progress = now_;
  if (s.owes_writable && !s.ended && s.unsent.bytes() <= limits_.low_water_bytes) {
    s.owes_writable = false;
    emit(s, call_event::what::writable);
  }
  return true;
}

void http2_session::on_frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA)
    return;
  sent_since_ping_ = true;
  // The answer is complete but the client still sends: it may stop (RFC 9113, 8.1).
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0
      && nghttp2_session_get_stream_remote_close(session_, frame.hd.stream_id) == 0)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
}

// Without its header or trailer the client would wait for ever.
void http2_session::on_frame_not_sent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_HEADERS && stream(frame.hd.stream_id) != nullptr)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                              NGHTTP2_INTERNAL_ERROR);
}

} // namespace troupe
