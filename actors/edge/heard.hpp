#pragma once

#include "messages/http.hpp"
#include "messages/rpc.hpp"

#include <vector>

namespace troupe {

/// What connections understood from their clients since this was last emptied.
struct heard {
  std::vector<call_event> calls;
  std::vector<http_request> requests;
  std::vector<http_event> http_events;
};

} // namespace troupe
