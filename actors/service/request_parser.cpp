#include "actors/service/request_parser.hpp"

#include <cctype>
#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <utility>

namespace troupe::service {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

constexpr auto end_early = "unexpected EOF";
constexpr auto overflow = "proto: integer overflow";
constexpr auto negative_length = "proto: negative length found during unmarshaling";

/// The name of a field in etcd's generated code, which its error texts use: SortOrder for
/// sort_order, ID for ID.
std::string go_name(const FieldDescriptor& field) {
  std::string name;
  bool upper = true;
  for (char c : field.name()) {
    if (c == '_') {
      upper = true;
      continue;
    }
    name.push_back(upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c);
    upper = false;
  }
  return name;
}

/// Walks over the wire format of one message and stops at the first fault, in the order and with
/// the words of the code that etcd is generated to.
class wire_check {
public:
  explicit wire_check(std::string_view bytes) : bytes_(bytes) {}

  /// @returns false after a fault.
  bool message(const Descriptor& type, int depth) {
    if (depth > max_message_depth) {
      too_deep_ = true;
      return false;
    }
    while (at_ < bytes_.size()) {
      if (!field(type, depth))
        return false;
    }
    return true;
  }

  bool too_deep() const {
    return too_deep_;
  }

  /// Empty if there was no fault.
  std::string take_fault() {
    return std::move(fault_);
  }

private:
  enum wire : int {
    varint = 0,
    fixed64 = 1,
    sized = 2,
    group_begin = 3,
    group_end = 4,
    fixed32 = 5
  };

  bool fail(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }

  bool number(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size())
        return fail(end_early);
      auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80)
        return true;
    }
    return fail(overflow);
  }

  bool skip_bytes(std::uint64_t count) {
    if (count > bytes_.size() - at_)
      return fail(end_early);
    at_ += count;
    return true;
  }

  bool length(std::uint64_t& value) {
    if (!number(value))
      return false;
    // Lengths are signed there, and so is the position behind them.
    if (value > INT64_MAX || value + at_ > INT64_MAX)
      return fail(negative_length);
    return value <= bytes_.size() - at_ || fail(end_early);
  }

  bool field(const Descriptor& type, int depth) {
    std::uint64_t tag = 0;
    if (!number(tag))
      return false;
    auto kind = static_cast<int>(tag & 7);
    auto field_number = static_cast<std::int32_t>(tag >> 3);
    if (kind == group_end)
      return fail("proto: " + type.name() + ": wiretype end group for non-group");
    if (field_number <= 0)
      return fail("proto: " + type.name() + ": illegal tag " + std::to_string(field_number)
                  + " (wire type " + std::to_string(tag) + ")");
    const auto* known = type.FindFieldByNumber(field_number);
    return known != nullptr ? known_field(*known, kind, depth) : skip(kind);
  }

  bool known_field(const FieldDescriptor& field, int kind, int depth) {
    auto own = static_cast<WireFormatLite::FieldType>(field.type());
    bool packed = kind == sized && field.is_packable();
    if (kind != WireFormatLite::WireTypeForFieldType(own) && !packed)
      return fail("proto: wrong wireType = " + std::to_string(kind) + " for field "
                  + go_name(field));
    if (field.type() != FieldDescriptor::TYPE_MESSAGE)
      return value(kind);
    std::uint64_t size = 0;
    if (!length(size))
      return false;
    auto rest = std::exchange(bytes_, bytes_.substr(0, at_ + size));
    bool well = message(*field.message_type(), depth + 1);
    bytes_ = rest;
    return well;
  }

  bool value(int kind) {
    std::uint64_t ignored = 0;
    switch (kind) {
    case varint:
      return number(ignored);
    case fixed64:
      return skip_bytes(8);
    case fixed32:
      return skip_bytes(4);
    case sized:
      return length(ignored) && skip_bytes(ignored);
    default:
      return fail("proto: illegal wireType " + std::to_string(kind));
    }
  }

  /// An unknown field: a value, or a group with whatever is in it.
  bool skip(int kind) {
    std::uint64_t open_groups = 0;
    for (;;) {
      if (kind == group_begin)
        ++open_groups;
      else if (kind == group_end)
        --open_groups;
      else if (!value(kind))
        return false;
      if (open_groups == 0)
        return true;
      std::uint64_t tag = 0;
      if (!number(tag))
        return false;
      kind = static_cast<int>(tag & 7);
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string fault_;
  bool too_deep_ = false;
};

bool parse_deep(google::protobuf::MessageLite& message, std::string_view bytes) {
  google::protobuf::io::CodedInputStream input{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size())};
  input.SetRecursionLimit(max_message_depth + 1);
  return message.ParseFromCodedStream(&input) && input.ConsumedEntireMessage();
}

parse_result parse(google::protobuf::Message& message, std::string_view bytes,
                   std::string_view complaint) {
  wire_check check{bytes};
  if (!check.message(*message.GetDescriptor(), 0)) {
    if (check.too_deep())
      return {errc::too_many_ops, {}};
    return {errc::malformed_message, std::string{complaint} + check.take_fault()};
  }
  if (!parse_accepted(message, bytes))
    return {errc::malformed_message, {}};
  return {};
}

} // namespace

parse_result parse(google::protobuf::Message& message, std::string_view bytes) {
  return parse(message, bytes, "grpc: error unmarshalling request: ");
}

parse_result parse_streamed(google::protobuf::Message& message, std::string_view bytes) {
  return parse(message, bytes, "grpc: failed to unmarshal the received message: ");
}

bool parse_accepted(google::protobuf::MessageLite& message, std::string_view bytes) {
  // The quick way knows only the default limit of 100.
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
         || parse_deep(message, bytes);
}

} // namespace troupe::service
