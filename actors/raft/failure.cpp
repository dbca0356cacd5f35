#include "actors/raft/failure.hpp"

#include "messages/type_ids.hpp"

#include <string>

namespace troupe::raft {

caf::error failure_of(std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& what) {
    return caf::make_error(errc::internal, std::string{what.what()});
  }
}

} // namespace troupe::raft
