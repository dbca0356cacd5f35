#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace google::protobuf {

class Descriptor;

} // namespace google::protobuf

namespace troupe::gateway {

/// Messages within one another that a request may have, the outermost counted. Answers are written
/// up to 65, and that of a transaction is one message deeper than the transaction: what lies deeper
/// would be carried out and could not be told.
inline constexpr std::size_t max_nested_messages = 64;

struct request_json {
  /// The same request for protobuf's own reader, which takes more than it should: without the
  /// fields that the message does not have and those that are null, names as in the schema,
  /// integers as numbers.
  std::string text;
  /// Why there is none; empty: it is good.
  std::string error;
};

/// Reads one JSON object as a message of this type by the rules of protojson, in one pass: JSON as
/// in RFC 8259, no field or oneof twice, lists in brackets, truth values bare, enum values by a
/// name or number. What no rule of JSON tells, base64 and the range of integers, is left to who
/// reads the result.
request_json read_request_json(std::string_view json, const google::protobuf::Descriptor& type);

} // namespace troupe::gateway
