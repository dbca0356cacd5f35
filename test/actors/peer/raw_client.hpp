#pragma once

#include "actors/peer/socket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>

namespace troupe::peer {

/// Gone with its test.
class temp_directory {
public:
  temp_directory();
  ~temp_directory();

  std::filesystem::path path;
};

/// A connection to a port of the loopback; none if it was refused.
unique_socket connect_to(std::uint16_t port);

/// A broken connection is no error.
void say(const unique_socket& to, const std::string& bytes);

/// Waits until the other end has closed. @returns whether it does in time.
bool is_closed(const unique_socket& socket,
               std::chrono::milliseconds patience = std::chrono::seconds{5});

std::string random_bytes(std::mt19937& random, std::size_t size);

/// A port that takes no further connection and refuses none: like a network that drops packets.
class silent_listener {
public:
  silent_listener();

  host_and_port where() const;

private:
  unique_socket listening_;
  unique_socket filling_;
};

/// The most memory that this process has used so far.
std::size_t peak_memory_bytes();

/// Of this process, so far.
std::chrono::nanoseconds cpu_used();

/// To the hard limit.
void raise_descriptor_limit();

} // namespace troupe::peer
