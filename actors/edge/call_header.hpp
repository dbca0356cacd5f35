#pragma once

#include "actors/edge/grpc_wire.hpp"
#include "messages/rpc.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// What the header of one HTTP/2 request says about the call. Kept by a connection for one stream
/// after another, so that its strings need not be allocated for every call.
class call_header {
public:
  /// A refusal, and the HTTP status that goes with it.
  struct refused {
    std::string_view http_status = "200";
    grpc_refusal status;
  };

  /// Takes one field. `shape` is what `:path` names: the caller knows the last path and its method.
  void add(std::string_view name, std::string_view value);

  void set_path(std::string_view path, const rpc_shape* shape);

  /// Why this is no call; the first reason in grpc-go's order of checks.
  std::optional<refused> refusal() const;

  /// Null if the path names no method.
  const rpc_shape* shape() const {
    return shape_;
  }

  /// Time the client gives us; `nanoseconds::max()` = any.
  std::chrono::nanoseconds timeout() const {
    return timeout_;
  }

  /// What services see of it. Calls of one connection mostly say the same: `last` is given back if
  /// it fits.
  std::shared_ptr<const call_metadata> metadata(std::shared_ptr<const call_metadata> last,
                                                const std::string& remote) const;

  /// Forgets what `refusal` and `metadata` read, but for the memory of short strings: an open call
  /// needs no more than `shape` and `timeout`.
  void forget_fields();

  /// Forgets everything but the memory of short strings.
  void reset();

private:
  void add_timeout(std::string_view value);
  void add_binary(std::string_view name, std::string_view value);

  const rpc_shape* shape_ = nullptr;
  std::chrono::nanoseconds timeout_ = std::chrono::nanoseconds::max();
  bool require_leader_ = false;
  bool grpc_content_ = false;
  /// Kept only where it names no method.
  std::string path_;
  /// Empty for identity.
  std::string encoding_;
  std::string token_;
  std::string authorization_;
  std::string client_api_version_;
  std::string bad_content_type_;
  std::string bad_field_;
  std::string bad_method_;
};

} // namespace troupe
