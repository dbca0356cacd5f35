#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <random>

namespace troupe {

/// What a member draws with in one of its boots, if all of them are given the same seed: else they
/// would draw the same ids and election timeouts, a member again after each restart. The same for
/// the same arguments.
inline std::uint64_t seed_of_boot(std::uint64_t seed, member_id member, boot_count boot) {
  // splitmix64
  auto mixed = [](std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  };
  return mixed(mixed(mixed(seed) ^ member.value) ^ boot.value);
}

/// A number that nobody can foresee, from the system.
inline std::uint64_t draw_seed() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

} // namespace troupe
