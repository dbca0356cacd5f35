#pragma once

#include "storage/file_system.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace troupe::storage {

/// Bytes that start on a block boundary, so that they reach the disk without a copy.
class block_buffer {
public:
  /// `bytes` bytes, not cleared, valid until the next call. Gives memory back when a large request
  /// is followed by small ones.
  std::span<std::byte> obtain(std::size_t bytes);

private:
  struct release {
    void operator()(std::byte* data) const;
  };

  std::unique_ptr<std::byte[], release> data_;
  std::size_t capacity_ = 0;
};

} // namespace troupe::storage
