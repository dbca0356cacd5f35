#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// The rules for the fields of an HTTP/2 request (RFC 9113, 8.2 and 8.3), as far as they concern a
/// gRPC server. nghttp2 knows them too, but refuses an `:authority` that is a URL, which is what
/// etcd's clients send that were given one as endpoint, and what grpc-go takes.
class field_rules {
public:
  enum class verdict : std::uint8_t {
    good,
    /// Not a field by itself, and harmless: passed over.
    ignored,
    /// The request is malformed.
    malformed,
  };

  /// The next field in the order sent.
  verdict on(std::string_view name, std::string_view value);

  /// All fields were shown: nothing that every request has is missing.
  bool complete() const;

private:
  verdict on_pseudo(std::string_view name, std::string_view value);

  /// A bit for each pseudo-header field that came.
  std::uint8_t seen_ = 0;
  /// A regular field came.
  bool regular_ = false;
};

} // namespace troupe
