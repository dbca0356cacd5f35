#include "actors/metrics/families.hpp"

#include <array>
#include <string>
#include <string_view>

namespace troupe::metrics {

namespace {

// As grpc-go prints them.
constexpr std::array<std::string_view, grpc_code_count> code_names = {
  "OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
  "NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
  "Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
  "DataLoss", "Unauthenticated",
};

std::string_view type_of(const rpc_shape& shape) {
  if (shape.client_stream)
    return shape.server_stream ? "bidi_stream" : "client_stream";
  return shape.server_stream ? "server_stream" : "unary";
}

/// All edges of a node, seen as one.
class all_calls {
public:
  explicit all_calls(const std::vector<edge_source>& edges) : edges_(edges) {}

  template <class Read>
  double sum(const Read& read) const {
    std::uint64_t result = 0;
    for (const auto& edge : edges_)
      result += read(*edge.calls);
    return static_cast<double>(result);
  }

  /// etcd registers these services late: their methods appear when they are first used.
  bool shows(const rpc_shape& shape) const {
    bool late = shape.service.starts_with("v3");
    return !late
           || sum([&](const rpc_counters& x) { return x.of(shape.method).started.value(); }) > 0;
  }

private:
  const std::vector<edge_source>& edges_;
};

void write_messages(const all_calls& calls, family_writer& to, const char* name, const char* help,
                    counter rpc_counters::method_counters::*which) {
  to.begin(name, help, prometheus::MetricType::Counter);
  for (const auto& shape : rpc_shapes())
    if (calls.shows(shape))
      to.sample(
        {{"grpc_method", shape.name},
         {"grpc_service", shape.service},
         {"grpc_type", type_of(shape)}},
        calls.sum([&](const rpc_counters& x) { return (x.of(shape.method).*which).value(); }));
}

void write_handled(const all_calls& calls, family_writer& to) {
  to.begin("grpc_server_handled_total",
           "Total number of RPCs completed on the server, regardless of success or failure.",
           prometheus::MetricType::Counter);
  for (const auto& shape : rpc_shapes()) {
    if (!calls.shows(shape))
      continue;
    for (std::size_t code = 0; code < grpc_code_count; ++code)
      to.sample(
        {{"grpc_code", code_names[code]},
         {"grpc_method", shape.name},
         {"grpc_service", shape.service},
         {"grpc_type", type_of(shape)}},
        calls.sum([&](const rpc_counters& x) { return x.of(shape.method).handled[code].value(); }));
  }
}

void write_durations(const std::vector<edge_source>& from, const all_calls& calls,
                     family_writer& to) {
  to.begin("grpc_server_handling_seconds",
           "Histogram of response latency (seconds) of gRPC that had been application-level "
           "handled by the server.",
           prometheus::MetricType::Histogram);
  for (const auto& shape : rpc_shapes()) {
    if (!calls.shows(shape))
      continue;
    call_histogram all;
    bool measured = false;
    for (const auto& edge : from)
      if (const auto* one = edge.calls->duration_of(shape.method)) {
        all.merge(*one);
        measured = true;
      }
    if (measured)
      to.sample({{"grpc_method", shape.name},
                 {"grpc_service", shape.service},
                 {"grpc_type", type_of(shape)}},
                all, 1e-9);
  }
}

std::string version_label(std::size_t version) {
  if (version == api_versions::absent)
    return "unknown";
  if (version == api_versions::other)
    return "other";
  return "3." + std::to_string(version - api_versions::first_minor);
}

void write_requests(const all_calls& calls, family_writer& to) {
  to.begin("etcd_server_client_requests_total",
           "The total number of client requests per client version.",
           prometheus::MetricType::Counter);
  for (bool stream : {false, true})
    for (std::size_t version = 0; version < api_versions::count; ++version)
      if (auto n = calls.sum([&](const rpc_counters& x) { return x.requests(stream, version); });
          n > 0)
        to.sample(
          {{"client_api_version", version_label(version)}, {"type", stream ? "stream" : "unary"}},
          n);
}

double in_flight(const all_calls& calls) {
  double result = 0;
  for (const auto& shape : rpc_shapes()) {
    // In this order: what ends meanwhile must not make it negative.
    auto ended = calls.sum([&](const rpc_counters& x) {
      std::uint64_t n = 0;
      for (const auto& code : x.of(shape.method).handled)
        n += code.value();
      return n;
    });
    result += calls.sum([&](const rpc_counters& x) { return x.of(shape.method).started.value(); });
    result -= ended;
  }
  return result;
}

} // namespace

void write_calls(const std::vector<edge_source>& from, family_writer& to) {
  all_calls calls{from};
  using row = rpc_counters::method_counters;
  write_messages(calls, to, "grpc_server_started_total",
                 "Total number of RPCs started on the server.", &row::started);
  write_messages(calls, to, "grpc_server_msg_received_total",
                 "Total number of RPC stream messages received on the server.", &row::received);
  write_messages(calls, to, "grpc_server_msg_sent_total",
                 "Total number of gRPC stream messages sent by the server.", &row::sent);
  write_handled(calls, to);
  write_durations(from, calls, to);
  write_requests(calls, to);
  to.gauge("troupe_calls_in_flight", "gRPC calls that began and have not ended.", in_flight(calls));
}

} // namespace troupe::metrics
