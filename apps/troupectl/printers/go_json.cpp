#include "apps/troupectl/printers/go_json.hpp"

#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/json_line.hpp"

#include <google/protobuf/descriptor.h>

namespace troupe::ctl::go {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// "response" is the Go field Response; a choice has no name in JSON of its own.
std::string camel_case(std::string_view name) {
  std::string out;
  bool start = true;
  for (auto c : name) {
    if (c == '_') {
      start = true;
      continue;
    }
    out += static_cast<char>(start && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    start = false;
  }
  return out;
}

std::string text_value(const FieldDescriptor& field, const std::string& text, bytes_form form) {
  return field.type() == FieldDescriptor::TYPE_BYTES ? json_bytes(text, form) : json_string(text);
}

std::string value_of(const Message& message, const Reflection& reflection,
                     const FieldDescriptor& field, bytes_form form) {
  switch (field.cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32:
    return std::to_string(reflection.GetInt32(message, &field));
  case FieldDescriptor::CPPTYPE_INT64:
    return std::to_string(reflection.GetInt64(message, &field));
  case FieldDescriptor::CPPTYPE_UINT32:
    return std::to_string(reflection.GetUInt32(message, &field));
  case FieldDescriptor::CPPTYPE_UINT64:
    return std::to_string(reflection.GetUInt64(message, &field));
  case FieldDescriptor::CPPTYPE_BOOL:
    return reflection.GetBool(message, &field) ? "true" : "false";
  case FieldDescriptor::CPPTYPE_ENUM:
    return std::to_string(reflection.GetEnumValue(message, &field));
  case FieldDescriptor::CPPTYPE_STRING:
    return text_value(field, reflection.GetString(message, &field), form);
  case FieldDescriptor::CPPTYPE_MESSAGE:
    return json(reflection.GetMessage(message, &field), form);
  default: // the API has no floating point numbers
    return "null";
  }
}

/// The API repeats only messages, strings, bytes and enumerations.
std::string element_of(const Message& message, const Reflection& reflection,
                       const FieldDescriptor& field, int index, bytes_form form) {
  switch (field.cpp_type()) {
  case FieldDescriptor::CPPTYPE_MESSAGE:
    return json(reflection.GetRepeatedMessage(message, &field, index), form);
  case FieldDescriptor::CPPTYPE_STRING:
    return text_value(field, reflection.GetRepeatedString(message, &field, index), form);
  case FieldDescriptor::CPPTYPE_ENUM:
    return std::to_string(reflection.GetRepeatedEnumValue(message, &field, index));
  default:
    return "null";
  }
}

std::string list_of(const Message& message, const Reflection& reflection,
                    const FieldDescriptor& field, bytes_form form) {
  std::string out = "[";
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i)
    out += (i == 0 ? "" : ",") + element_of(message, reflection, field, i, form);
  return out + "]";
}

} // namespace

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    auto some = bytes.substr(at, 3);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < some.size() ? static_cast<unsigned char>(some[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i)
      out += i <= some.size() ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  auto escape = [&](char32_t code) { out += "\\u" + hex(code, 4); };
  while (!text.empty()) {
    auto next = first_rune(text);
    auto c = text[0];
    if (!next.valid)
      out += "\\ufffd";
    else if (c == '"' || c == '\\')
      out += std::string{'\\', c};
    else if (c == '\n' || c == '\r' || c == '\t')
      out += std::string{'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : 't'};
    else if (next.code < 0x20 || c == '<' || c == '>' || c == '&' || next.code == 0x2028
             || next.code == 0x2029)
      escape(next.code);
    else
      out += text.substr(0, next.length);
    text.remove_prefix(next.length);
  }
  return out + '"';
}

std::string json_bytes(std::string_view bytes, bytes_form form) {
  return form == bytes_form::readable ? readable_json(bytes) : '"' + base64(bytes) + '"';
}

std::string json_fields(const Message& message, bytes_form form) {
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  std::string out;
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    bool there = field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                                     : reflection.HasField(message, &field);
    if (!there)
      continue;
    auto value = field.is_repeated() ? list_of(message, reflection, field, form)
                                     : value_of(message, reflection, field, form);
    out += out.empty() ? "\"" : ",\"";
    if (const auto* choice = field.real_containing_oneof())
      out += camel_case(choice->name()) + "\":{\"" + field.name() + "\":" + value + "}";
    else
      out += field.name() + "\":" + value;
  }
  return out;
}

std::string json(const Message& message, bytes_form form) {
  return "{" + json_fields(message, form) + "}";
}

} // namespace troupe::ctl::go
