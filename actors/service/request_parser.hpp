#pragma once

#include "messages/errc.hpp"

#include <google/protobuf/message.h>
#include <string>
#include <string_view>

namespace troupe::service {

/// Messages inside messages that a request may have; a transaction in a transaction takes two.
inline constexpr int max_message_depth = 400;

struct parse_result {
  errc error = errc::none;
  /// For the client in place of the text of `error`, if not empty.
  std::string detail;
};

/// Reads a client's bytes into `message`. Refuses what etcd refuses, with etcd's words: also a
/// known field in an encoding of another type, which protobuf's own parser takes for an unknown
/// field.
/// @returns malformed_message, or too_many_ops if the nesting is deeper than max_message_depth, as
/// only transactions can be; `message` is then unspecified.
parse_result parse(google::protobuf::Message& message, std::string_view bytes);

/// The same for a message of a client's stream, where grpc-go has other words.
parse_result parse_streamed(google::protobuf::Message& message, std::string_view bytes);

/// Reads bytes that `parse` has accepted, here or on another member.
/// @returns false if they cannot have been.
bool parse_accepted(google::protobuf::MessageLite& message, std::string_view bytes);

} // namespace troupe::service
