#pragma once

#include "messages/errc.hpp"

#include <stdexcept>
#include <string>

namespace troupe::storage {

/// A failure of the disk or of what is on it. Nothing below catches one to go on: whoever hosts the
/// storage lets it end the node. The text says which file, what was expected, and what to do.
class storage_error : public std::runtime_error {
public:
  storage_error(errc code, const std::string& text) : std::runtime_error(text), code_(code) {}

  /// One of the storage codes of `errc`.
  errc code() const {
    return code_;
  }

private:
  errc code_;
};

} // namespace troupe::storage
