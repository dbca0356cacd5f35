#include "actors/gateway/transcoder.hpp"

#include "actors/gateway/request_json.hpp"
#include "messages/ensure.hpp"
#include "messages/proto/health.pb.h"
#include "messages/proto/rpc.pb.h"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <nlohmann/json.hpp>
#include <utility>

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

transcoder::decoded transcoder::request(rpc_method method, std::string_view json) const {
  const auto& type = types_[static_cast<std::size_t>(method)];
  auto known = read_request_json(json, *type.request);
  if (!known.error.empty())
    return {.message = {}, .error = std::move(known.error)};
  decoded result;
  auto status =
    util::JsonToBinaryString(resolver_.get(), type.request_url, known.text, &result.message);
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
