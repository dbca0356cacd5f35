#pragma once

#include "actors/edge/status_table.hpp"
#include "messages/rpc_method.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {

class Descriptor;

namespace util {

class TypeResolver;

} // namespace util

} // namespace google::protobuf

namespace troupe::gateway {

/// Turns JSON into encoded messages and back, by the conventions of etcd 3.6: names as in the
/// schema, bytes in base64, 64-bit integers as strings, enum values by name, and what is at its
/// default left out. Reads what etcd 3.6 does (request_json.hpp), but for unknown names of enum
/// values: they are refused.
class transcoder {
public:
  transcoder();

  struct decoded {
    /// The encoded request.
    std::string message;
    /// Why there is none; empty: it is good.
    std::string error;
  };

  /// Reads one JSON object as a request of this method.
  decoded request(rpc_method method, std::string_view json) const;

  /// Writes an encoded answer of this method; none if the bytes are no such message.
  std::optional<std::string> answer(rpc_method method, const std::string& message) const;

private:
  struct types {
    const google::protobuf::Descriptor* request;
    std::string request_url;
    std::string answer_url;
  };

  std::shared_ptr<google::protobuf::util::TypeResolver> resolver_;
  /// By method.
  std::vector<types> types_;
};

/// `{"code":3,"message":"..."}`; what is no UTF-8 in `text` is replaced.
std::string status_json(grpc_code code, std::string_view text);

} // namespace troupe::gateway
