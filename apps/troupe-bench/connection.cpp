#include "apps/troupe-bench/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::bench {

namespace {

constexpr std::int32_t connection_window = 1 << 30;
constexpr std::size_t out_bytes = 1 << 18;
constexpr std::size_t frame_head = 5; // gRPC: compressed or not, length of the message
constexpr std::size_t message_limit = 256 << 20;

constexpr std::array status_names{
  "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
  "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
  "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
  "DATA_LOSS", "UNAUTHENTICATED",
};

[[noreturn]] void fail_system(const std::string& what) {
  throw run_failed(what + ": " + std::strerror(errno));
}

void check(ssize_t result) {
  if (result < 0)
    throw run_failed(std::string{"HTTP/2: "} + nghttp2_strerror(static_cast<int>(result)));
}

int connect_to(const endpoint& to) {
  const auto name = to.host + ":" + to.port;
  const addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found); error != 0)
    throw run_failed(name + ": " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all{found, freeaddrinfo};
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    const int fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
      fail_system("socket");
    if (connect(fd, each->ai_addr, each->ai_addrlen) == 0)
      return fd;
    const int reason = errno;
    close(fd);
    errno = reason;
  }
  fail_system("cannot connect to " + name);
}

/// Points to literals and to what lives as long as the session: nghttp2 need not copy.
nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

void append_frame(std::string_view message, std::string& to) {
  const auto size = static_cast<std::uint32_t>(message.size());
  const std::array<char, frame_head> head{0, static_cast<char>(size >> 24),
                                          static_cast<char>(size >> 16),
                                          static_cast<char>(size >> 8), static_cast<char>(size)};
  to.append(head.data(), head.size());
  to.append(message);
}

/// Length of the message whose frame starts `bytes`, which hold at least its head.
std::size_t message_length(std::string_view bytes) {
  std::size_t result = 0;
  for (std::size_t i = 1; i < frame_head; ++i)
    result = result << 8 | static_cast<std::uint8_t>(bytes[i]);
  if (bytes[0] != 0 || result > message_limit)
    throw run_failed("the server sent a compressed message, or one of " + std::to_string(result)
                     + " bytes");
  return result;
}

} // namespace

struct connection::stream {
  std::int32_t id = 0;
  stream_listener* listener = nullptr;
  std::string out; // framed; nghttp2 has taken `taken` bytes of it
  std::size_t taken = 0;
  bool last = false;     // `out` is the end
  bool deferred = false; // nghttp2 waits for more of it
  bool stalled = false;
  std::string partial; // the beginning of a message
  std::string http_status;
  stream_end end;

  void reset(stream_listener& to, bool only_message) {
    listener = &to;
    out.clear();
    taken = 0;
    last = only_message;
    deferred = stalled = false;
    partial.clear();
    http_status.clear();
    end = {};
  }
};

std::string stream_end::describe() const {
  if (status < 0 || status >= static_cast<int>(status_names.size()))
    return text;
  return status_names[static_cast<std::size_t>(status)] + (text.empty() ? "" : ": " + text);
}

connection::connection(const endpoint& to, std::int32_t stream_window,
                       std::vector<connection*>& to_flush)
    : authority_{to.host + ":" + to.port}, fd_{connect_to(to)}, to_flush_{to_flush} {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  set_up_session(stream_window);
}

connection::~connection() {
  nghttp2_session_del(session_);
  close(fd_);
}

void connection::set_up_session(std::int32_t stream_window) {
  nghttp2_session_callbacks* callbacks = nullptr;
  check(nghttp2_session_callbacks_new(&callbacks));
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_option* option = nullptr;
  check(nghttp2_option_new(&option));
  nghttp2_option_set_no_auto_window_update(option, 1); // take_chunk gives it, or not
  const int made = nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  check(made);
  const std::array entries{nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                                  static_cast<std::uint32_t>(stream_window)}};
  check(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size()));
  check(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window));
  want_flush();
}

void connection::want_flush() {
  if (!flush_wanted_)
    to_flush_.push_back(this);
  flush_wanted_ = true;
}

connection::stream& connection::open(const char* path, std::string_view message, bool last,
                                     stream_listener& listener) {
  if (free_.empty()) {
    streams_.push_back(std::make_unique<stream>());
    free_.push_back(streams_.back().get());
  }
  auto& opened = *free_.back();
  opened.reset(listener, last);
  append_frame(message, opened.out);
  const std::array headers{header(":method", "POST"),
                           header(":scheme", "http"),
                           header(":path", path),
                           header(":authority", authority_),
                           header("content-type", "application/grpc"),
                           header("te", "trailers")};
  nghttp2_data_provider source{{.ptr = &opened}, read_body};
  opened.id =
    nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &source, &opened);
  check(opened.id);
  free_.pop_back();
  want_flush();
  return opened;
}

void connection::send(stream& on, std::string_view message) {
  append_frame(message, on.out);
  if (on.deferred)
    check(nghttp2_session_resume_data(session_, on.id));
  on.deferred = false;
  want_flush();
}

void connection::stall(stream& which) {
  which.stalled = true;
}

bool connection::read_all() {
  static thread_local std::array<std::uint8_t, 128 << 10> buffer;
  bool any = false;
  for (;;) {
    const auto count = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count == 0)
      throw run_failed("the server closed a connection");
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      return any;
    if (count < 0)
      fail_system("recv");
    any = true;
    read_at_ = clock::now();
    const auto used =
      nghttp2_session_mem_recv(session_, buffer.data(), static_cast<std::size_t>(count));
    if (failure_)
      std::rethrow_exception(failure_);
    check(used);
    want_flush();
    if (static_cast<std::size_t>(count) < buffer.size())
      return any; // drained; what comes now raises another edge
  }
}

void connection::on_writable() {
  if (!out_.empty())
    want_flush();
}

void connection::flush() {
  flush_wanted_ = false;
  for (;;) {
    const std::uint8_t* data = nullptr;
    ssize_t length = 0;
    while (out_.size() < out_bytes && (length = nghttp2_session_mem_send(session_, &data)) > 0)
      out_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(length));
    if (failure_)
      std::rethrow_exception(failure_);
    check(length);
    if (out_.empty())
      return;
    while (sent_ < out_.size()) {
      const auto count =
        ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      if (count < 0)
        fail_system("send");
      sent_ += static_cast<std::size_t>(count);
    }
    out_.clear();
    sent_ = 0;
  }
}

ssize_t connection::read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& from = *static_cast<stream*>(source->ptr);
  const auto count = std::min(room, from.out.size() - from.taken);
  std::memcpy(to, from.out.data() + from.taken, count);
  from.taken += count;
  if (from.taken < from.out.size())
    return static_cast<ssize_t>(count);
  from.out.clear();
  from.taken = 0;
  if (from.last) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (count == 0) {
    from.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

int connection::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                          const std::uint8_t* name, std::size_t name_length,
                          const std::uint8_t* value, std::size_t value_length, std::uint8_t,
                          void*) {
  auto* to =
    static_cast<stream*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  if (to == nullptr)
    return 0;
  const std::string_view which{reinterpret_cast<const char*>(name), name_length};
  const std::string_view text{reinterpret_cast<const char*>(value), value_length};
  if (which == ":status")
    to->http_status = text;
  else if (which == "grpc-status")
    std::from_chars(text.data(), text.data() + text.size(), to->end.status);
  else if (which == "grpc-message")
    to->end.text = text;
  return 0;
}

template <class Action>
int connection::guarded(Action action) {
  try {
    action();
    return 0;
  } catch (...) {
    failure_ = std::current_exception();
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

int connection::on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                        const std::uint8_t* data, std::size_t length, void* user) {
  auto& self = *static_cast<connection*>(user);
  auto* from = static_cast<stream*>(nghttp2_session_get_stream_user_data(session, id));
  nghttp2_session_consume_connection(session, length);
  if (from == nullptr)
    return 0;
  if (!from->stalled)
    nghttp2_session_consume_stream(session, id, length);
  return self.guarded([&] {
    self.take_chunk(*from, {reinterpret_cast<const char*>(data), length});
  });
}

void connection::take_chunk(stream& from, std::string_view chunk) {
  if (!from.partial.empty()) {
    from.partial.append(chunk);
    chunk = from.partial;
  }
  while (chunk.size() >= frame_head) {
    const auto length = message_length(chunk);
    if (chunk.size() - frame_head < length)
      break;
    from.listener->on_message(chunk.substr(frame_head, length), read_at_);
    chunk.remove_prefix(frame_head + length);
  }
  if (chunk.empty())
    from.partial.clear();
  else
    from.partial = std::string{chunk}; // may be a part of itself
}

int connection::on_close(nghttp2_session* session, std::int32_t id, std::uint32_t error,
                         void* user) {
  auto* which = static_cast<stream*>(nghttp2_session_get_stream_user_data(session, id));
  auto& self = *static_cast<connection*>(user);
  return which == nullptr ? 0 : self.guarded([&] { self.end(*which, error); });
}

void connection::end(stream& which, std::uint32_t error) {
  auto end = std::move(which.end);
  if (end.status < 0 && error != 0)
    end.text = std::string{"stream reset: "} + nghttp2_http2_strerror(error);
  else if (end.status < 0)
    end.text = "HTTP " + which.http_status + " without a gRPC status";
  auto& listener = *which.listener;
  free_.push_back(&which);
  listener.on_end(end, read_at_);
}

} // namespace troupe::bench
