#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe::storage {

/// CRC-32C (Castagnoli) of `bytes`, in the processor's own instructions where it has them.
/// `before` is the checksum of what stands in front of them, so that
/// crc32c(b, crc32c(a)) == crc32c(a + b).
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

} // namespace troupe::storage
