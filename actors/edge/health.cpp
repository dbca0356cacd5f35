#include "actors/edge/health.hpp"

#include "messages/proto/health.pb.h"

#include <optional>
#include <utility>

namespace troupe {

namespace {

blob serialized(grpc::health::v1::HealthCheckResponse::ServingStatus status) {
  grpc::health::v1::HealthCheckResponse response;
  response.set_status(status);
  return blob{response.SerializeAsString()};
}

/// Nothing where there is nothing to say.
std::optional<rpc_answer> answer_to(const call_event& event) {
  using response = grpc::health::v1::HealthCheckResponse;
  if (event.kind != call_event::what::request)
    return std::nullopt;
  grpc::health::v1::HealthCheckRequest request;
  auto body = event.body.view();
  if (!request.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return refuse_with(event.call, errc::malformed_message);
  if (event.method == rpc_method::health_check) {
    if (!request.service().empty())
      return refuse_with(event.call, errc::unknown_service);
    return reply_with(event.call, serialized(response::SERVING));
  }
  rpc_answer first{.call = event.call, .has_message = true};
  first.message =
    serialized(request.service().empty() ? response::SERVING : response::SERVICE_UNKNOWN);
  return first;
}

} // namespace

std::vector<rpc_answer> answer_health_calls(std::vector<call_event>& calls) {
  std::vector<rpc_answer> answers;
  std::erase_if(calls, [&](const call_event& event) {
    if (event.method != rpc_method::health_check && event.method != rpc_method::health_watch)
      return false;
    if (auto answer = answer_to(event))
      answers.push_back(std::move(*answer));
    return true;
  });
  return answers;
}

} // namespace troupe
