#pragma once

#include <cstdint>
#include <map>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// A message behind its gRPC prefix.
std::string framed(std::string_view message, char flag = 0);

/// The client's end of an HTTP/2 connection, on nghttp2's client session: what it sends comes out
/// as bytes, what it gets is kept per stream.
class grpc_peer {
public:
  struct reply {
    header_list header;
    header_list trailer;
    std::string data;
    bool closed = false;
    std::uint32_t error = 0;

    /// Value of a field of trailer or header; empty if absent.
    std::string field(std::string_view name) const;

    /// "code text", for example "4 context deadline exceeded".
    std::string status() const;
  };

  /// `window`: what the peer lets the other side send per stream.
  explicit grpc_peer(std::uint32_t window = 65'535, bool automatic_window = true);
  ~grpc_peer();
  grpc_peer(const grpc_peer&) = delete;
  grpc_peer& operator=(const grpc_peer&) = delete;

  /// Begins a call. `ends`: the body is all there will be.
  std::int32_t call(std::string_view path, std::string body, bool ends = true,
                    const header_list& more = {});

  /// Any request.
  std::int32_t submit(const header_list& header, std::string body, bool ends);

  void send(std::int32_t stream, std::string_view more, bool ends = false);

  void reset(std::int32_t stream);

  void ping();

  void open_window(std::int32_t stream, std::int32_t bytes);

  /// What is to be sent now, up to `limit` bytes.
  std::string output(std::size_t limit = SIZE_MAX);

  /// Takes what the other side sent. False if that was no HTTP/2.
  bool input(std::string_view bytes);

  const reply& of(std::int32_t stream) const;

  /// Bytes of bodies not yet sent.
  std::size_t unsent() const;

  std::vector<std::pair<std::uint32_t, std::string>> goaways;
  std::vector<std::int32_t> goaway_last_streams;
  unsigned pings = 0;
  unsigned ping_acks = 0;

private:
  struct body {
    std::string bytes;
    std::size_t sent = 0;
    bool ends = false;
    bool deferred = false;
  };

  friend struct peer_callbacks;

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, reply> replies_;
  std::map<std::int32_t, body> bodies_;
  std::string pending_;
};

} // namespace troupe::test
