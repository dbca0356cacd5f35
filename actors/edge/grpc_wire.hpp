#pragma once

#include "actors/edge/status_table.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// A refusal as gRPC words it.
struct grpc_refusal {
  grpc_code code = grpc_code::internal;
  std::string text;
};

/// Value of `grpc-timeout`: one to eight digits and a unit (H M S m u n). On failure `text` gets
/// the words of grpc-go.
std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view value,
                                                           std::string& text);

/// True for "application/grpc", alone or followed by '+' or ';'.
bool is_grpc_content_type(std::string_view value);

/// Position of the first byte that is no base64 (standard alphabet, padding optional as gRPC sends
/// it); nothing if all is well.
std::optional<std::size_t> find_bad_base64(std::string_view value);

/// Appends a status text as `grpc-message` wants it: what is not printable ASCII, and '%', as %XX.
void append_percent_encoded(std::string& to, std::string_view text);

/// Appends a text in the quotes and escapes that Go's %q gives to ASCII.
void append_quoted(std::string& to, std::string_view text);

/// Why a call of this path cannot be served: exactly grpc-go's words for an unknown service, an
/// unknown method of a known one, or a path without a service.
grpc_refusal refuse_path(std::string_view path);

/// Puts the messages of one call together from any split of the bytes. The call announced no
/// encoding, so a message must be plain. On the wire each is a flag byte, a length
/// of four bytes, big endian, and the message.
class message_assembler {
public:
  enum class result : std::uint8_t {
    /// The bytes are used up; no message is complete.
    more,
    /// `take()` gives a message.
    message,
    /// `refusal()` says what is wrong; nothing may follow.
    bad,
  };

  /// Forgets everything.
  void reset(std::size_t max_message_bytes);

  /// Takes bytes from the front of `bytes` until a message is complete. A length above the limit is
  /// refused before any of its bytes is kept.
  result feed(std::string_view& bytes);

  /// The complete message.
  std::string take();

  /// Length announced for the message that is being put together; 0 before its prefix is complete.
  std::size_t announced() const {
    return have_prefix_ == prefix_size ? length_ : 0;
  }

  /// Bytes held of it.
  std::size_t buffered() const {
    return body_.size();
  }

  /// True between messages.
  bool at_boundary() const {
    return have_prefix_ == 0;
  }

  const grpc_refusal& refusal() const {
    return refusal_;
  }

private:
  static constexpr std::size_t prefix_size = 5;

  bool read_prefix();

  std::size_t max_ = 0;
  std::size_t have_prefix_ = 0;
  unsigned char prefix_[prefix_size] = {};
  std::size_t length_ = 0;
  std::string body_;
  grpc_refusal refusal_;
};

} // namespace troupe
