#include "actors/gateway/request_json.hpp"

#include <bitset>
#include <cmath>
#include <google/protobuf/descriptor.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace troupe::gateway {

namespace {

using nlohmann::json;
namespace pb = google::protobuf;

/// By its name in the schema or in lowerCamelCase; null if there is none.
const pb::FieldDescriptor* find_field(const pb::Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i)
    if (const auto* field = type.field(i); field->name() == name || field->json_name() == name)
      return field;
  return nullptr;
}

bool is_integer(const pb::FieldDescriptor& field) {
  using enum pb::FieldDescriptor::CppType;
  auto type = field.cpp_type();
  return type == CPPTYPE_INT32 || type == CPPTYPE_INT64 || type == CPPTYPE_UINT32
         || type == CPPTYPE_UINT64;
}

/// Takes what nlohmann's parser finds and writes what is to stay. A function that says false ends
/// the parse.
class reader {
public:
  explicit reader(const pb::Descriptor& type) : root_(type) {}

  request_json result() && {
    return {std::move(out_), std::move(error_)};
  }

  bool null() {
    if (skips() || (in_message() && !in_list()))
      return true;
    return refuse_value();
  }

  bool boolean(bool value) {
    if (skips())
      return true;
    if (!takes(pb::FieldDescriptor::CPPTYPE_BOOL))
      return refuse_value();
    return write(value ? "true" : "false");
  }

  bool number_integer(json::number_integer_t value) {
    return number(std::to_string(value));
  }

  bool number_unsigned(json::number_unsigned_t value) {
    return number(std::to_string(value));
  }

  // An integer may have this form as well, as far as a double holds it without loss.
  bool number_float(json::number_float_t value, const std::string& text) {
    constexpr double exact = 9'007'199'254'740'992;
    if (!skips() && in_message() && is_integer(*field()) && std::abs(value) >= exact)
      return refuse_value();
    return number(text);
  }

  bool string(std::string& value);

  bool binary(json::binary_t&) {
    return refuse_value();
  }

  bool start_object(std::size_t);
  bool key(std::string& name);
  bool end_object();
  bool start_array(std::size_t);
  bool end_array();

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    return refuse("syntax error at byte " + std::to_string(position));
  }

private:
  /// A message that has begun and not ended.
  struct level {
    const pb::Descriptor* type;
    /// Of the value that comes next; null: it is none of the message's.
    const pb::FieldDescriptor* field = nullptr;
    bool in_list = false;
    /// Whether what is written next needs no comma before it.
    bool first = true;
    /// By their place in the type.
    std::bitset<64> fields_seen;
    std::bitset<64> oneofs_seen;
  };

  bool in_message() const {
    return !levels_.empty();
  }

  bool in_list() const {
    return levels_.back().in_list;
  }

  const pb::FieldDescriptor* field() const {
    return levels_.back().field;
  }

  /// Whether the value that comes next is passed over.
  bool skips() const {
    return skipped_ > 0 || (in_message() && field() == nullptr);
  }

  bool is_expected() const {
    return in_message() && field()->is_repeated() == in_list();
  }

  bool takes(pb::FieldDescriptor::CppType type) const {
    return is_expected() && field()->cpp_type() == type;
  }

  bool refuse(std::string why) {
    error_ = std::move(why);
    return false;
  }

  bool refuse_value() {
    return refuse(in_message() ? "invalid value for field " + field()->name()
                               : std::string{"a JSON object is expected"});
  }

  bool claim_oneof();
  bool begin_value();
  bool write(std::string_view text);
  bool number(const std::string& text);
  bool quoted_integer(const std::string& text);

  const pb::Descriptor& root_;
  std::vector<level> levels_;
  /// Objects and lists that are passed over and have not ended.
  std::size_t skipped_ = 0;
  std::string out_;
  std::string error_;
};

/// Before the value of a member or list, and before each element.
bool reader::begin_value() {
  auto& at = levels_.back();
  if (!at.in_list && !claim_oneof())
    return false;
  if (!std::exchange(at.first, false))
    out_ += ',';
  if (!at.in_list)
    out_.append(1, '"').append(at.field->name()).append("\":");
  return true;
}

bool reader::claim_oneof() {
  auto& at = levels_.back();
  const auto* oneof = at.field->containing_oneof();
  if (oneof == nullptr)
    return true;
  auto place = static_cast<std::size_t>(oneof->index());
  if (at.oneofs_seen.test(place))
    return refuse("oneof " + oneof->name() + " is already set");
  at.oneofs_seen.set(place);
  return true;
}

bool reader::write(std::string_view text) {
  if (!begin_value())
    return false;
  out_ += text;
  return true;
}

bool reader::number(const std::string& text) {
  using enum pb::FieldDescriptor::CppType;
  if (skips())
    return true;
  if (!is_expected()
      || !(is_integer(*field()) || takes(CPPTYPE_ENUM) || takes(CPPTYPE_DOUBLE)
           || takes(CPPTYPE_FLOAT)))
    return refuse_value();
  return write(text);
}

// In the quotes is a number as JSON has it, and no blank.
bool reader::quoted_integer(const std::string& text) {
  auto value = json::parse(text, nullptr, false);
  bool blank = text.find_first_of(" \t\r\n") != text.npos;
  if (blank || !value.is_number())
    return refuse_value();
  return value.is_number_float() ? number_float(value.get<double>(), text) : number(text);
}

bool reader::string(std::string& value) {
  using enum pb::FieldDescriptor::CppType;
  if (skips())
    return true;
  if (!is_expected())
    return refuse_value();
  if (is_integer(*field()))
    return quoted_integer(value);
  bool known_name = takes(CPPTYPE_ENUM) && field()->enum_type()->FindValueByName(value) != nullptr;
  if (!known_name && !takes(CPPTYPE_STRING) && !takes(CPPTYPE_DOUBLE) && !takes(CPPTYPE_FLOAT))
    return refuse_value();
  return write(json(std::move(value)).dump());
}

bool reader::start_object(std::size_t) {
  if (skips()) {
    ++skipped_;
    return true;
  }
  const auto* type = &root_;
  if (in_message()) {
    if (!takes(pb::FieldDescriptor::CPPTYPE_MESSAGE))
      return refuse_value();
    if (levels_.size() >= max_nested_messages)
      return refuse("the request is nested too deeply");
    type = field()->message_type();
    if (!begin_value())
      return false;
  }
  out_ += '{';
  levels_.push_back({.type = type, .fields_seen = {}, .oneofs_seen = {}});
  return true;
}

bool reader::key(std::string& name) {
  if (skipped_ > 0)
    return true;
  auto& at = levels_.back();
  at.field = find_field(*at.type, name);
  if (at.field == nullptr)
    return true;
  auto place = static_cast<std::size_t>(at.field->index());
  if (at.fields_seen.test(place))
    return refuse("duplicate field " + name);
  at.fields_seen.set(place);
  return true;
}

bool reader::end_object() {
  if (skipped_ > 0) {
    --skipped_;
    return true;
  }
  out_ += '}';
  levels_.pop_back();
  return true;
}

bool reader::start_array(std::size_t) {
  if (skips()) {
    ++skipped_;
    return true;
  }
  if (!in_message() || !field()->is_repeated() || in_list())
    return refuse_value();
  if (!write("["))
    return false;
  levels_.back().in_list = true;
  levels_.back().first = true;
  return true;
}

bool reader::end_array() {
  if (skipped_ > 0) {
    --skipped_;
    return true;
  }
  out_ += ']';
  levels_.back().in_list = false;
  levels_.back().first = false;
  return true;
}

} // namespace

request_json read_request_json(std::string_view text, const pb::Descriptor& type) {
  reader taking{type};
  json::sax_parse(text, &taking);
  return std::move(taking).result();
}

} // namespace troupe::gateway
