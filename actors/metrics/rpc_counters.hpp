#pragma once

#include "actors/metrics/counter.hpp"
#include "messages/rpc_method.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

namespace troupe::metrics {

/// Status codes of gRPC: 0 (OK) to 16 (UNAUTHENTICATED).
inline constexpr std::size_t grpc_code_count = 17;

inline constexpr std::size_t rpc_method_count =
  static_cast<std::size_t>(rpc_method::health_watch) + 1;

/// Versions that clients name in `client-api-version`. Metric labels never hold what a client sent
/// (checklist 118): a version of the form 3.N has a series of its own, everything else shares one.
struct api_versions {
  static constexpr std::size_t absent = 0;
  static constexpr std::size_t other = 1;
  static constexpr std::size_t first_minor = 2;
  /// 3.0 to 3.31.
  static constexpr std::size_t minors = 32;
  static constexpr std::size_t count = first_minor + minors;

  static constexpr std::size_t index_of(std::string_view version) {
    if (version.empty())
      return absent;
    if (version.size() < 3 || version.size() > 4 || version[0] != '3' || version[1] != '.')
      return other;
    std::size_t minor = 0;
    for (auto digit : version.substr(2)) {
      if (digit < '0' || digit > '9')
        return other;
      minor = minor * 10 + static_cast<std::size_t>(digit - '0');
    }
    bool leading_zero = version.size() == 4 && version[2] == '0';
    return minor < minors && !leading_zero ? first_minor + minor : other;
  }
};

/// What the calls of one edge came to. Each edge has its own and alone counts in it, on its
/// multiplexer's thread; any thread reads.
class rpc_counters {
public:
  /// @param extensive also keeps how long calls take.
  explicit rpc_counters(bool extensive = false)
      : durations_(extensive ? std::make_unique<durations>() : nullptr) {}

  /// A call began.
  void started(rpc_method method, std::string_view client_api_version) {
    const auto& shape = shape_of(method);
    row(method).started.add_alone();
    auto stream = shape.client_stream || shape.server_stream;
    clients_[stream ? 1 : 0][api_versions::index_of(client_api_version)].add_alone();
  }

  /// One message of the client.
  void received(rpc_method method) {
    row(method).received.add_alone();
  }

  /// One message to the client.
  void sent(rpc_method method) {
    row(method).sent.add_alone();
  }

  /// A call that began has ended, with this gRPC code. @pre code < grpc_code_count.
  void handled(rpc_method method, std::size_t code, std::chrono::nanoseconds took) {
    row(method).handled[code].add_alone();
    if (durations_)
      (*durations_)[static_cast<std::size_t>(method)].observe_alone(took);
  }

  struct method_counters {
    counter started;
    counter received;
    counter sent;
    std::array<counter, grpc_code_count> handled;
  };

  const method_counters& of(rpc_method method) const {
    return methods_[static_cast<std::size_t>(method)];
  }

  /// Null unless extensive.
  const call_histogram* duration_of(rpc_method method) const {
    return durations_ ? &(*durations_)[static_cast<std::size_t>(method)] : nullptr;
  }

  std::uint64_t requests(bool stream, std::size_t version) const {
    return clients_[stream ? 1 : 0][version].value();
  }

private:
  using durations = std::array<call_histogram, rpc_method_count>;

  method_counters& row(rpc_method method) {
    return methods_[static_cast<std::size_t>(method)];
  }

  std::array<method_counters, rpc_method_count> methods_;
  std::array<std::array<counter, api_versions::count>, 2> clients_;
  std::unique_ptr<durations> durations_;
};

} // namespace troupe::metrics
