#include "storage/block_buffer.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace troupe::storage {
namespace {

constexpr std::size_t kept_bytes = std::size_t{1} << 20;

} // namespace

std::span<std::byte> block_buffer::obtain(std::size_t bytes) {
  auto large_for_nothing = capacity_ > kept_bytes && bytes <= kept_bytes;
  if (bytes > capacity_ || large_for_nothing) {
    data_.reset();
    capacity_ = std::bit_ceil(std::max(bytes, block_bytes));
    data_.reset(static_cast<std::byte*>(::operator new (capacity_, std::align_val_t{block_bytes})));
  }
  return {data_.get(), bytes};
}

void block_buffer::release::operator()(std::byte* data) const {
  ::operator delete (data, std::align_val_t{block_bytes});
}

} // namespace troupe::storage
