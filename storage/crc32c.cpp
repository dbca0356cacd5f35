#include "storage/crc32c.hpp"

#include <algorithm>
#include <isa-l/crc.h>

namespace troupe::storage {

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  constexpr std::size_t largest_call = std::size_t{1} << 30; // the library counts in int
  auto state = ~before;
  while (!bytes.empty()) {
    auto part = bytes.first(std::min(bytes.size(), largest_call));
    // The library only reads, but declares the buffer mutable.
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(part.data()));
    state = ::crc32_iscsi(data, static_cast<int>(part.size()), state);
    bytes = bytes.subspan(part.size());
  }
  return ~state;
}

} // namespace troupe::storage
