#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::backup {

inline constexpr std::size_t sha256_bytes = 32;

/// SHA-256 of bytes that come piece by piece.
class sha256 {
public:
  sha256();
  ~sha256();

  sha256(sha256&& other) noexcept;
  sha256& operator=(sha256&& other) noexcept;

  void add(std::string_view bytes);

  /// Of everything added so far: `sha256_bytes` bytes, not text.
  std::string digest() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::backup
