#include "actors/edge/http2_callbacks.hpp"

#include "messages/ensure.hpp"

namespace troupe {

namespace {

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

} // namespace

http2_session& http2_callbacks::self(void* user) {
  return *static_cast<http2_session*>(user);
}

int http2_callbacks::begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  auto& me = self(user);
  me.on_header_block(*frame);
  return 0;
}

int http2_callbacks::header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                            std::size_t name_size, const std::uint8_t* value,
                            std::size_t value_size, std::uint8_t, void* user) {
  return self(user).on_field(*frame, text(name, name_size), text(value, value_size));
}

int http2_callbacks::data(nghttp2_session*, std::uint8_t, std::int32_t id,
                          const std::uint8_t* bytes, std::size_t size, void* user) {
  self(user).on_chunk(id, text(bytes, size));
  return 0;
}

int http2_callbacks::frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  self(user).on_frame(*frame);
  return 0;
}

int http2_callbacks::frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  self(user).on_frame_sent(*frame);
  return 0;
}

int http2_callbacks::frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
  self(user).on_frame_not_sent(*frame);
  return 0;
}

int http2_callbacks::closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
  self(user).on_closed(id);
  return 0;
}

ssize_t http2_callbacks::read_data(nghttp2_session*, std::int32_t, std::uint8_t*,
                                   std::size_t length, std::uint32_t* flags,
                                   nghttp2_data_source* source, void* user) {
  return self(user).next_piece(*static_cast<grpc_stream*>(source->ptr), length, *flags);
}

int http2_callbacks::send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                               std::size_t length, nghttp2_data_source* source, void* user) {
  auto& stream = *static_cast<grpc_stream*>(source->ptr);
  return self(user).append_piece(stream, header, length) ? 0 : NGHTTP2_ERR_WOULDBLOCK;
}

nghttp2_session_callbacks* http2_callbacks::table() {
  static auto* result = [] {
    nghttp2_session_callbacks* x = nullptr;
    ensure(nghttp2_session_callbacks_new(&x) == 0, "memory for nghttp2");
    nghttp2_session_callbacks_set_on_begin_headers_callback(x, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(x, header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(x, data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(x, frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(x, frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(x, frame_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(x, closed);
    nghttp2_session_callbacks_set_send_data_callback(x, send_data);
    return x;
  }();
  return result;
}

} // namespace troupe
