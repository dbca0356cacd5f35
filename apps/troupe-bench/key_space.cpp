#include "apps/troupe-bench/key_space.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace troupe::bench {

namespace {

constexpr std::uint64_t word_digits = 16;

/// The finalizer of splitmix64: one to one, so that keys differ.
std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

void append_hex(std::uint64_t word, std::uint64_t digits, std::string& to) {
  for (auto left = digits; left > 0; --left)
    to += "0123456789abcdef"[(word >> (4 * (left - 1))) & 15];
}

} // namespace

std::uint64_t key_space::capacity(std::uint64_t bytes) {
  return bytes >= word_digits ? std::numeric_limits<std::uint64_t>::max()
                              : std::uint64_t{1} << (4 * bytes);
}

std::string key_space::key(std::uint64_t number) const {
  auto result = prefix_;
  result.reserve(prefix_.size() + bytes_);
  if (bytes_ < word_digits) {
    append_hex(number, bytes_, result);
    return result;
  }
  append_hex(mixed(number + 1 + mixed(seed_)), word_digits, result);
  for (auto left = bytes_ - word_digits; left > 0;) {
    const auto digits = std::min(left, word_digits);
    append_hex(number, digits, result);
    left -= digits;
  }
  return result;
}

std::string key_space::value(std::uint64_t number, std::uint64_t size) const {
  std::string result(size, '\0');
  auto word = mixed(number + 1 + mixed(seed_));
  for (std::uint64_t at = 0; at < size; at += sizeof word) {
    word = mixed(word + 0x9e3779b97f4a7c15);
    std::memcpy(result.data() + at, &word, std::min<std::uint64_t>(sizeof word, size - at));
  }
  return result;
}

std::string end_of_prefix(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && end.back() == '\xff')
    end.pop_back();
  if (end.empty())
    return std::string(1, '\0');
  ++end.back();
  return end;
}

} // namespace troupe::bench
