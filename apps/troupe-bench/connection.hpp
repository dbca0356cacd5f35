#pragma once

#include "apps/troupe-bench/pace.hpp"
#include "apps/troupe-bench/settings.hpp"

#include <exception>
#include <memory>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::bench {

/// The run cannot go on: no connection, broken protocol, silence.
struct run_failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a stream ended: gRPC's status, or -1 and the reason where there is none.
struct stream_end {
  int status = -1;
  std::string text;

  bool ok() const {
    return status == 0;
  }

  /// "UNAVAILABLE: the server's text"
  std::string describe() const;
};

/// Who takes what comes in on a stream. May open streams and send from within.
class stream_listener {
public:
  virtual ~stream_listener() = default;

  /// One gRPC message, complete; valid during the call. `at`: when its last byte was read.
  virtual void on_message(std::string_view message, instant at) = 0;

  /// The last call; the stream is gone.
  virtual void on_end(const stream_end& end, instant at) = 0;
};

/// One HTTP/2 connection of a gRPC client, over a socket of its own that never blocks. Nothing is
/// sent before flush(), so that all that one turn of the loop says leaves in one write.
class connection {
public:
  struct stream;

  /// Connects and waits for it. `stream_window`: bytes that the server may send on a stream ahead
  /// of us. `to_flush`: where the connection puts itself, once, when there is something to send.
  /// @throws run_failed
  connection(const endpoint& to, std::int32_t stream_window, std::vector<connection*>& to_flush);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  int fd() const {
    return fd_;
  }

  /// Starts a call of "/service/method" and sends its first message; `last`: there is no other.
  /// @returns valid until on_end of `listener`, which must live as long.
  stream& open(const char* path, std::string_view message, bool last, stream_listener& listener);

  void send(stream& on, std::string_view message);

  /// From now on what arrives on the stream gives the server no new window.
  static void stall(stream& which);

  /// Takes all that has arrived. @returns whether there was anything. @throws run_failed
  bool read_all();

  /// The socket takes bytes again.
  void on_writable();

  /// Sends until nothing is left or the socket takes no more. @throws run_failed
  void flush();

private:
  void set_up_session(std::int32_t stream_window);
  void want_flush();
  template <class Action>
  int guarded(Action action); // no exception may pass nghttp2: it waits in failure_
  void take_chunk(stream& from, std::string_view chunk);
  void end(stream& which, std::uint32_t error);

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source* source, void*);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                       std::uint8_t, void*);
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t length, void* user);
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user);

  std::string authority_;
  int fd_ = -1;
  nghttp2_session* session_ = nullptr;
  std::vector<connection*>& to_flush_;
  bool flush_wanted_ = false;
  instant read_at_;
  std::vector<std::unique_ptr<stream>> streams_; // all, also those that are free
  std::vector<stream*> free_;
  std::string out_; // encoded; the socket has taken `sent_` bytes of it
  std::size_t sent_ = 0;
  std::exception_ptr failure_;
};

} // namespace troupe::bench
