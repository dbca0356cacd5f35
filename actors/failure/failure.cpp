#include "actors/failure/failure.hpp"

#include "messages/type_ids.hpp"
#include "storage/storage_error.hpp"

#include <string>

namespace troupe {

caf::error failure_of(std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const storage::storage_error& what) {
    return caf::make_error(what.code(), std::string{what.what()});
  } catch (const std::exception& what) {
    return caf::make_error(errc::internal, std::string{what.what()});
  }
}

} // namespace troupe
