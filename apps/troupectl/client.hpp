#pragma once

#include "apps/troupectl/calls.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

/// The connection to a cluster. No gRPC header is seen from here.
namespace troupe::ctl {

/// Files in PEM; all empty: no TLS unless an endpoint says https.
struct tls_files {
  std::string ca;
  std::string certificate;
  std::string key;
};

struct client_options {
  std::vector<std::string> endpoints; // host:port, or with http://, https://, unix:
  std::chrono::nanoseconds dial_timeout{};
  std::chrono::nanoseconds command_timeout{};
  std::chrono::nanoseconds keepalive_time{};
  std::chrono::nanoseconds keepalive_timeout{};
  int max_request_bytes = 0; // 0: 2 MiB
  int max_receive_bytes = 0; // 0: 2 GiB - 1
  bool insecure = true;      // endpoints without a scheme are plain, unless `tls` names files
  tls_files tls;
};

/// A call that did not succeed; what() is etcdctl's text: the bare message of a server's error, and
/// Go's words for what gRPC says.
class call_failed : public std::runtime_error {
public:
  call_failed(int status, std::string message);

  int status;          // gRPC's number
  std::string message; // as it came
  std::string detail;  // why there is no connection, if that is what failed
};

inline constexpr int status_canceled = 1;
inline constexpr int status_deadline_exceeded = 4;
inline constexpr int status_permission_denied = 7;

/// Both directions of a stream, blocking. One thread may read while another writes or cancels.
class stream {
public:
  struct impl;

  explicit stream(std::unique_ptr<impl> it);
  ~stream();

  /// False once the stream is over.
  bool write(const google::protobuf::Message& request);
  /// Nothing more is written: what a server waits for that takes one request only.
  bool end_writing();
  bool read(google::protobuf::Message& response);
  void cancel();

  /// To be called when read or write said false.
  /// @throws call_failed unless the server ended the stream without an error.
  void finish();

private:
  std::unique_ptr<impl> impl_;
};

class client {
public:
  /// Connects with the first call, to the first endpoint that answers.
  /// @throws command_failed if there is no usable endpoint or a file cannot be read.
  explicit client(client_options options);
  ~client();

  const client_options& options() const;

  /// No `timeout`: that of the command. @throws call_failed
  template <class Request>
  auto call(const Request& request, std::optional<std::chrono::nanoseconds> timeout = {}) {
    typename call_of<Request>::response response;
    call(call_of<Request>::method, request, response, timeout.value_or(options().command_timeout));
    return response;
  }

  void call(rpc_method method, const google::protobuf::Message& request,
            google::protobuf::Message& response, std::chrono::nanoseconds timeout);

  /// For a call that may take as long as it likes, once there is a connection.
  static constexpr std::chrono::nanoseconds no_timeout = std::chrono::hours{24 * 365};

  /// @param timeout of the whole stream; none: it may last as long as it likes.
  /// @throws call_failed if no endpoint answers within the command's timeout.
  std::unique_ptr<stream> open(rpc_method method, bool require_leader = false,
                               std::optional<std::chrono::nanoseconds> timeout = {});

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::ctl
