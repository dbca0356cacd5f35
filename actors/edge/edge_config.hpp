#pragma once

#include "actors/edge/connection_limits.hpp"
#include "actors/edge/http_rules.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe {

/// How one edge serves its clients.
struct edge_config {
  connection_limits limits;
  http_rules http;

  /// Distinguishes the edges of a node; `call_id::edge` of everything this edge hands on.
  std::uint32_t number = 0;

  /// Open connections, cut to what the process has descriptors for. At the limit the edge accepts
  /// no more until one closes: newcomers wait in the kernel's queue. With several listeners it may
  /// exceed the limit by one for each but the first.
  std::size_t max_connections = 65'536;
  /// Bytes of unfinished requests and open streams over all connections, see `edge_shared`.
  std::size_t max_request_bytes_held = 268'435'456;
  /// Bytes of unsent answers over all connections; what happens beyond it says `edge_shared`.
  std::size_t max_answer_bytes_held = 1'073'741'824;
  /// Descriptors of the process that clients may not use, more than the files of the storage
  /// engine. The edge raises RLIMIT_NOFILE to the hard limit; an accept that fails for want of a
  /// descriptor would be tried again without end. Of a limit that is hardly larger than the reserve
  /// clients may use half.
  std::size_t descriptor_reserve = 2'048;
  /// Edges of the process, this one included: they share the descriptors evenly. At least 1.
  std::size_t edges = 1;
  /// Connections accepted per tick, over all addresses: a crowd that comes back after a restart
  /// does not stop those who are served.
  std::size_t accepts_per_tick = 200;
  /// Period of the edge's own tick: deadlines are kept to this precision.
  std::chrono::milliseconds tick{50};

  /// Bytes handed to the socket at a time; the next piece follows when the last is nearly sent.
  std::size_t write_chunk_bytes = 32'768;
  /// Smallest and largest read buffer of a connection; it grows while reads fill it.
  std::size_t min_read_bytes = 4'096;
  std::size_t max_read_bytes = 65'536;
  /// A client that takes none of the bytes offered for so long is cut off.
  std::chrono::nanoseconds write_stall_timeout = std::chrono::seconds{30};
  /// How often connections that are not read are asked whether their client has gone.
  std::chrono::nanoseconds hang_up_interval = std::chrono::seconds{2};
  /// How long a connection that we ended waits for the client to close its side.
  std::chrono::nanoseconds linger_timeout = std::chrono::seconds{2};
  /// What such a client may still send before it is cut off.
  std::size_t linger_bytes = 262'144;
};

} // namespace troupe
