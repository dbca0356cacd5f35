#pragma once

#include "messages/errc.hpp"

#include <cstdint>
#include <string_view>

namespace troupe {

/// Status codes of gRPC, with their numbers on the wire.
enum class grpc_code : std::uint8_t {
  ok = 0,
  canceled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// How one error looks to clients.
struct status_row {
  errc error;
  grpc_code code;
  /// Exact: Go's client maps texts to typed errors.
  std::string_view text;
};

/// The row of an error; every value of `errc` has one.
const status_row& status_of(errc error);

/// HTTP status of a gRPC code, as etcd's JSON gateway (release 3.6) answers it.
unsigned http_status_of(grpc_code code);

} // namespace troupe
