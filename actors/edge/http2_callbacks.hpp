#pragma once

#include "actors/edge/http2_session.hpp"

#include <nghttp2/nghttp2.h>

namespace troupe {

/// Hands over from nghttp2's callbacks, whose user data is the session, to the session.
struct http2_callbacks {
  /// Lives as long as the program.
  static nghttp2_session_callbacks* table();

  /// Reads the next part of a stream's answer; the source is the stream.
  static ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t length,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user);

private:
  static http2_session& self(void* user);
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t flags, void* user);
  static int data(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user);
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user);
  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user);
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                       std::size_t length, nghttp2_data_source* source, void* user);
};

} // namespace troupe
