#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::bench {

/// The keys of a load by number: `prefix` and then `bytes` characters that scatter neighbouring
/// numbers over the key space. Equal arguments give equal keys and values, in every run.
class key_space {
public:
  /// `bytes` at least 1; keys differ as long as numbers stay below capacity(bytes).
  key_space(std::string prefix, std::uint64_t bytes, std::uint64_t seed)
      : prefix_{std::move(prefix)}, bytes_{bytes}, seed_{seed} {}

  /// How many different keys there are; at most 2^64 - 1.
  static std::uint64_t capacity(std::uint64_t bytes);

  const std::string& prefix() const {
    return prefix_;
  }

  std::string key(std::uint64_t number) const;

  /// `size` bytes that do not compress.
  std::string value(std::uint64_t number, std::uint64_t size) const;

private:
  std::string prefix_;
  std::uint64_t bytes_;
  std::uint64_t seed_;
};

/// The end of the range of all keys that start with `prefix`, as the API writes it: one zero byte
/// if there is no end.
std::string end_of_prefix(std::string_view prefix);

} // namespace troupe::bench
