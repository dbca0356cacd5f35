#include "actors/gateway/transcoder.hpp"

#include "messages/ensure.hpp"
#include "messages/proto/health.pb.h"
#include "messages/proto/rpc.pb.h"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <iterator>
#include <nlohmann/json.hpp>

namespace troupe::gateway {

namespace util = google::protobuf::util;

namespace {

constexpr const char* url_prefix = "type.googleapis.com";

std::string url_of(const google::protobuf::Descriptor& type) {
  return std::string{url_prefix} + "/" + type.full_name();
}

/// The schemas register themselves only if something of theirs is linked.
const google::protobuf::DescriptorPool& schemas() {
  ensure(v3lockpb::LockRequest::descriptor() != nullptr, "the schema of Lock is linked");
  ensure(v3electionpb::LeaderRequest::descriptor() != nullptr, "the schema of Election is linked");
  ensure(grpc::health::v1::HealthCheckRequest::descriptor() != nullptr,
         "the schema of Health is linked");
  return *etcdserverpb::RangeRequest::descriptor()->file()->pool();
}

/// By its name in the schema or in lowerCamelCase; null if there is none.
const google::protobuf::FieldDescriptor* find_field(const google::protobuf::Descriptor& type,
                                                    const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i)
    if (const auto* field = type.field(i); field->name() == name || field->json_name() == name)
      return field;
  return nullptr;
}

void drop_unknown_fields(nlohmann::json& value, const google::protobuf::Descriptor& type) {
  if (value.is_array())
    for (auto& element : value)
      drop_unknown_fields(element, type);
  if (!value.is_object())
    return;
  for (auto member = value.begin(); member != value.end();) {
    const auto* field = find_field(type, member.key());
    if (field != nullptr && field->message_type() != nullptr)
      drop_unknown_fields(*member, *field->message_type());
    member = field == nullptr ? value.erase(member) : std::next(member);
  }
}

/// The same without unknown fields; none if it is no JSON.
std::optional<std::string> without_unknown_fields(std::string_view json,
                                                  const google::protobuf::Descriptor& type) {
  // As deep as protobuf's own parser goes.
  constexpr int max_depth = 100;
  bool too_deep = false;
  auto look = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  auto value = nlohmann::json::parse(json, look, false);
  if (value.is_discarded() || too_deep)
    return std::nullopt;
  drop_unknown_fields(value, type);
  return value.dump();
}

} // namespace

transcoder::transcoder() {
  const auto& pool = schemas();
  resolver_.reset(util::NewTypeResolverForDescriptorPool(url_prefix, &pool));
  for (const auto& shape : rpc_shapes()) {
    auto name = std::string{shape.service} + "." + std::string{shape.name};
    const auto* method = pool.FindMethodByName(name);
    ensure(method != nullptr, "the schemas have every method");
    types_.push_back({.request = method->input_type(),
                      .request_url = url_of(*method->input_type()),
                      .answer_url = url_of(*method->output_type())});
  }
}

// Told to ignore unknown fields, protobuf's parser would ignore unknown names of enum values too:
// a comparison or an order that is not what its author meant.
transcoder::decoded transcoder::request(rpc_method method, std::string_view json) const {
  const auto& type = types_[static_cast<std::size_t>(method)];
  decoded result;
  auto parse = [&](std::string_view text) {
    result.message.clear();
    return util::JsonToBinaryString(resolver_.get(), type.request_url, {text.data(), text.size()},
                                    &result.message);
  };
  auto status = parse(json);
  if (!status.ok())
    if (auto known = without_unknown_fields(json, *type.request))
      status = parse(*known);
  if (!status.ok())
    result.error = status.message().empty() ? "invalid JSON" : status.message().ToString();
  return result;
}

std::optional<std::string> transcoder::answer(rpc_method method, const std::string& message) const {
  util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string result;
  auto status =
    util::BinaryToJsonString(resolver_.get(), types_[static_cast<std::size_t>(method)].answer_url,
                             message, &result, options);
  if (!status.ok())
    return std::nullopt;
  return result;
}

std::string status_json(grpc_code code, std::string_view text) {
  auto quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return "{\"code\":" + std::to_string(static_cast<unsigned>(code)) + ",\"message\":" + quoted
         + "}";
}

} // namespace troupe::gateway
