#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe {

/// What one client connection may use. Where etcd has a flag for it, the comment names the flag;
/// the defaults are ours.
struct connection_limits {
  /// Largest gRPC message a client may send (--max-request-bytes + 512 KiB). Checked against the
  /// announced length, before the message is buffered.
  std::size_t max_message_bytes = 2'097'152;
  /// Largest HTTP/1.1 body.
  std::size_t max_http_body_bytes = 2'097'152;
  /// Largest decoded header list of one request; names and values, for HTTP/2 with 32 bytes per
  /// field on top.
  std::size_t max_header_bytes = 65'536;
  /// Header fields of one HTTP/1.1 request: each costs more than its bytes.
  std::size_t max_header_fields = 256;
  /// More open streams than this no connection gets: etcd has no limit of its own, but every open
  /// stream costs memory.
  static constexpr std::uint32_t most_concurrent_streams = 20'000;
  /// Open streams of one HTTP/2 connection (--max-concurrent-streams), cut to
  /// `most_concurrent_streams`; told to the client.
  std::uint32_t max_concurrent_streams = most_concurrent_streams;
  /// Flow control window of each stream: what a stream may send before anything is decided.
  std::uint32_t stream_window_bytes = 65'535;
  /// Flow control window of the connection.
  std::uint32_t connection_window_bytes = 1'048'576;
  /// Announced lengths of unfinished messages larger than a stream window, summed over the
  /// connection. A message that does not fit waits without window until another is complete.
  std::size_t max_assembly_bytes = 16'777'216;
  /// Bytes held of unfinished messages, first windows included, and of open streams: the header
  /// list of each, as counted for `max_header_bytes`, and `open_stream_bytes`. Beyond it new calls
  /// and the call whose message grows are refused: "too many requests".
  std::size_t max_partial_bytes = 33'554'432;
  /// What an open stream costs beside its header.
  std::size_t open_stream_bytes = 512;
  /// Messages of one client stream that were handed on since the last answer on that stream.
  /// Beyond it the client gets no window.
  std::size_t max_unread_bytes = 1'048'576;
  /// At or below this many unsent bytes of a stream its producer is told that it is writable.
  std::size_t low_water_bytes = 65'536;
  /// Unsent bytes of a stream that is not complete. A producer that adds to it beyond this ends
  /// the stream; a single answer may be larger.
  std::size_t max_stream_unsent_bytes = 67'108'864;

  /// Unsent bytes of all streams of a connection; beyond it new calls get "too many requests", and
  /// watches that stand still are given up.
  std::size_t max_connection_unsent_bytes = 268'435'456;

  /// From the first byte (or the end of the previous request) to the end of the request's header;
  /// for HTTP/2 to the client's first SETTINGS and over each header block.
  std::chrono::nanoseconds header_timeout = std::chrono::seconds{10};
  /// From the header, or a message's first byte, to the message's last. Also how long an HTTP/1.1
  /// client whose streamed body is read no further waits for a part of the answer.
  std::chrono::nanoseconds body_timeout = std::chrono::seconds{60};
  /// An idle HTTP/1.1 connection between two requests.
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds{75};
  /// A stream of whose unsent answers the client takes nothing for so long is reset; a watch, or an
  /// observer of an election, only once it has ended or there is no room for what waits. This is
  /// about flow control: a client whose socket takes nothing at all is cut off by the edge
  /// (`edge_config::write_stall_timeout`), whatever waits for it.
  std::chrono::nanoseconds stall_timeout = std::chrono::seconds{60};

  /// --grpc-keepalive-min-time: the least interval between a client's pings.
  std::chrono::nanoseconds keepalive_min_time = std::chrono::seconds{5};
  /// --grpc-keepalive-interval: silence after which we ask whether the client is there; 0 = never.
  std::chrono::nanoseconds keepalive_interval = std::chrono::hours{2};
  /// --grpc-keepalive-timeout: how long we wait for the answer.
  std::chrono::nanoseconds keepalive_timeout = std::chrono::seconds{20};

  /// Streams a client may reset at once, and per second after that. A client that cancels calls
  /// stays far below it; beyond, the connection is closed.
  std::uint64_t reset_burst = 2'000;
  std::uint64_t resets_per_second = 500;
};

} // namespace troupe
