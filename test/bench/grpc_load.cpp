/// Drives one etcd-compatible endpoint with gRPC puts or ranges and prints one line of JSON.
///
///   grpc_load --address 127.0.0.1:2379 --method put --calls 100000 --keys 50
///   {"calls":100000,"failed":0,"seconds":1.52,"calls_per_second":65789,"p50_us":14100,"p99_us":24000}
///
/// It stands in for h2load with the same shape of load (-c 20 -m 50): one thread, 20 connections of
/// 50 concurrent streams each. h2load sends one body (-d) for every request of a process, so that
/// 50 bodies on 20 connections cannot be had from it; and it counts every HTTP 200 as a success,
/// although gRPC reports errors in the trailers of a 200. Here a call succeeds only with HTTP
/// status 200, grpc-status 0 and, for the first ranges, the value that was put.
#include "messages/proto/rpc.pb.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <boost/program_options.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <map>
#include <memory>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using monotonic = std::chrono::steady_clock;

constexpr size_t ranges_verified = 200;
constexpr size_t cached_bodies = 4096;
constexpr int32_t window_bytes = 1 << 24;
constexpr size_t out_bytes = 1 << 20;

struct options {
  std::string host = "127.0.0.1";
  uint16_t port = 2379;
  bool put = true;
  uint64_t calls = 100'000;
  uint64_t first = 0; // number of the first key
  uint64_t keys = 50; // call i works on key (first + i) % keys
  size_t value_bytes = 256;
  size_t connections = 20;
  size_t streams = 50; // in flight on each connection
};

uint64_t mixed(uint64_t number) { // the finalizer of splitmix64: one to one, so that keys differ
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// 32 bytes in no particular order of `number`.
std::string key_of(uint64_t number) {
  std::array<char, 33> text;
  std::snprintf(text.data(), text.size(), "%016lx%016lx", mixed(number + 1), number);
  return text.data();
}

std::string value_of(uint64_t number, size_t bytes) {
  std::string value(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i)
    value[i] = static_cast<char>(mixed(number * bytes + i));
  return value;
}

/// A gRPC frame: no compression, length, message.
std::string framed(const google::protobuf::MessageLite& message) {
  const auto payload = message.SerializeAsString();
  std::string frame(5, '\0');
  const uint32_t length = htonl(static_cast<uint32_t>(payload.size()));
  std::memcpy(frame.data() + 1, &length, sizeof length);
  return frame + payload;
}

/// The bodies of all calls; few are kept, many are made as they are sent.
class bodies {
public:
  explicit bodies(const options& opts) : opts_{opts} {
    if (opts.keys <= cached_bodies)
      for (uint64_t number = 0; number < opts.keys; ++number)
        cache_.push_back(make(number));
  }

  uint64_t key_number(uint64_t call) const {
    return (opts_.first + call) % opts_.keys;
  }

  std::string of(uint64_t call) const {
    const auto number = key_number(call);
    return cache_.empty() ? make(number) : cache_[number];
  }

private:
  std::string make(uint64_t number) const {
    if (opts_.put) {
      etcdserverpb::PutRequest request;
      request.set_key(key_of(number));
      request.set_value(value_of(number, opts_.value_bytes));
      return framed(request);
    }
    etcdserverpb::RangeRequest request;
    request.set_key(key_of(number));
    return framed(request);
  }

  options opts_;
  std::vector<std::string> cache_;
};

/// What all connections share.
struct run {
  options opts;
  bodies requests;
  uint64_t started = 0;
  uint64_t ended = 0;
  uint64_t failed = 0;
  std::string first_failure;
  std::vector<uint32_t> latencies_us;

  explicit run(options chosen) : opts{std::move(chosen)}, requests{opts} {
    latencies_us.reserve(opts.calls);
  }

  void fail(const std::string& why) {
    if (++failed == 1)
      first_failure = why;
  }
};

struct call {
  uint64_t number;
  monotonic::time_point begin;
  std::string body;
  size_t sent = 0;
  std::string answer; // kept only while answers are verified
  std::string http_status, grpc_status, grpc_message;
};

class connection {
public:
  explicit connection(run& shared) : shared_{shared} {
    connect_socket();
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window_bytes);
  }

  ~connection() {
    nghttp2_session_del(session_);
    close(fd_);
  }

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  int fd() const {
    return fd_;
  }

  void start_calls() {
    while (in_flight_.size() < shared_.opts.streams && shared_.started < shared_.opts.calls)
      start(shared_.started++);
  }

  /// Takes all that has arrived, starts calls in the place of those that ended.
  void read_all() {
    static std::array<uint8_t, 256 << 10> buffer;
    for (;;) {
      const auto count = read(fd_, buffer.data(), buffer.size());
      if (count == 0)
        throw std::runtime_error("the server closed a connection");
      if (count < 0 && errno == EAGAIN)
        break;
      if (count < 0)
        throw std::runtime_error(std::string{"read: "} + std::strerror(errno));
      const auto used = nghttp2_session_mem_recv(session_, buffer.data(), count);
      if (used != count)
        throw std::runtime_error(std::string{"HTTP/2: "}
                                 + nghttp2_strerror(static_cast<int>(used)));
    }
    start_calls();
  }

  /// Sends until nothing is left or the socket takes no more.
  void flush() {
    bool more = false;
    do {
      const uint8_t* data = nullptr;
      ssize_t length = 0;
      while (out_.size() < out_bytes && (length = nghttp2_session_mem_send(session_, &data)) > 0)
        out_.append(reinterpret_cast<const char*>(data), static_cast<size_t>(length));
      while (sent_ < out_.size()) {
        const auto count = send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
          return;
        if (count < 0)
          throw std::runtime_error(std::string{"send: "} + std::strerror(errno));
        sent_ += static_cast<size_t>(count);
      }
      more = out_.size() >= out_bytes;
      out_.clear();
      sent_ = 0;
    } while (more);
  }

private:
  void connect_socket() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0)
      throw std::runtime_error(std::string{"socket: "} + std::strerror(errno));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(shared_.opts.port);
    if (inet_pton(AF_INET, shared_.opts.host.c_str(), &address.sin_addr) != 1
        || connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error(std::string{"connect: "} + std::strerror(errno));
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }

  static nghttp2_nv header(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  void start(uint64_t number) {
    auto started = std::make_unique<call>();
    started->number = number;
    started->body = shared_.requests.of(number);
    started->begin = monotonic::now();
    const std::array headers{
      header(":method", "POST"),
      header(":scheme", "http"),
      header(":path", shared_.opts.put ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range"),
      header(":authority", shared_.opts.host),
      header("content-type", "application/grpc"),
      header("te", "trailers")};
    nghttp2_data_provider source{{.ptr = started.get()}, read_body};
    const auto stream = nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(),
                                               &source, started.get());
    if (stream < 0)
      throw std::runtime_error(std::string{"HTTP/2: "} + nghttp2_strerror(stream));
    in_flight_.emplace(stream, std::move(started));
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    auto& ours = *static_cast<call*>(source->ptr);
    const auto count = std::min(room, ours.body.size() - ours.sent);
    std::memcpy(to, ours.body.data() + ours.sent, count);
    ours.sent += count;
    if (ours.sent == ours.body.size())
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  static call* call_of(nghttp2_session* session, int32_t stream) {
    return static_cast<call*>(nghttp2_session_get_stream_user_data(session, stream));
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_length, const uint8_t* value, size_t value_length, uint8_t,
                       void*) {
    auto* ours = call_of(session, frame->hd.stream_id);
    if (ours == nullptr)
      return 0;
    const std::string_view which{reinterpret_cast<const char*>(name), name_length};
    const std::string_view text{reinterpret_cast<const char*>(value), value_length};
    if (which == ":status")
      ours->http_status = text;
    else if (which == "grpc-status")
      ours->grpc_status = text;
    else if (which == "grpc-message")
      ours->grpc_message = text;
    return 0;
  }

  static int on_data(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* data,
                     size_t length, void* user) {
    auto* ours = call_of(session, stream);
    if (ours != nullptr && !static_cast<connection*>(user)->shared_.opts.put
        && ours->number < ranges_verified)
      ours->answer.append(reinterpret_cast<const char*>(data), length);
    return 0;
  }

  static int on_close(nghttp2_session*, int32_t stream, uint32_t error, void* user) {
    auto& self = *static_cast<connection*>(user);
    const auto found = self.in_flight_.find(stream);
    if (found == self.in_flight_.end())
      return 0;
    self.shared_.ended += 1;
    self.judge(*found->second, error);
    self.in_flight_.erase(found);
    return 0;
  }

  void judge(const call& ended, uint32_t error) {
    const auto waited = monotonic::now() - ended.begin;
    shared_.latencies_us.push_back(
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(waited).count()));
    if (error != 0)
      shared_.fail(std::string{"stream reset: "} + nghttp2_http2_strerror(error));
    else if (ended.http_status != "200" || ended.grpc_status != "0")
      shared_.fail("HTTP " + ended.http_status + " grpc-status " + ended.grpc_status + " "
                   + ended.grpc_message);
    else if (!shared_.opts.put && ended.number < ranges_verified && !is_right(ended))
      shared_.fail("a range did not return the value that was put");
  }

  bool is_right(const call& ended) const {
    etcdserverpb::RangeResponse response;
    const auto number = shared_.requests.key_number(ended.number);
    return ended.answer.size() > 5
           && response.ParseFromArray(ended.answer.data() + 5,
                                      static_cast<int>(ended.answer.size() - 5))
           && response.kvs_size() == 1 && response.kvs(0).key() == key_of(number)
           && response.kvs(0).value() == value_of(number, shared_.opts.value_bytes);
  }

  run& shared_;
  int fd_ = -1;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::unique_ptr<call>> in_flight_;
  std::string out_; // encoded, not yet taken by the socket from sent_ on
  size_t sent_ = 0;
};

void drive(run& shared) {
  std::vector<std::unique_ptr<connection>> connections;
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < shared.opts.connections; ++i) {
    connections.push_back(std::make_unique<connection>(shared));
    epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = i}};
    epoll_ctl(poller, EPOLL_CTL_ADD, connections.back()->fd(), &interest);
  }
  for (auto& each : connections) {
    each->start_calls();
    each->flush();
  }
  std::array<epoll_event, 64> events;
  while (shared.ended < shared.opts.calls) {
    const int count = epoll_wait(poller, events.data(), events.size(), 30'000);
    if (count == 0)
      throw std::runtime_error("no answer for 30 s");
    for (int i = 0; i < count; ++i) {
      auto& ready = *connections[events[i].data.u64];
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        ready.read_all();
      ready.flush();
    }
  }
  close(poller);
}

options parse(int argc, char** argv) {
  namespace po = boost::program_options;
  options chosen;
  std::string address, method;
  po::options_description known{"grpc_load"};
  known.add_options()("help", "print this");
  known.add_options()("address", po::value(&address)->default_value("127.0.0.1:2379"), "host:port");
  known.add_options()("method", po::value(&method)->default_value("put"), "put or range");
  known.add_options()("calls", po::value(&chosen.calls)->default_value(chosen.calls), "in all");
  known.add_options()("first", po::value(&chosen.first)->default_value(0), "first key");
  known.add_options()("keys", po::value(&chosen.keys)->default_value(chosen.keys),
                      "call i takes key (first + i) modulo this");
  known.add_options()(
    "value-bytes", po::value(&chosen.value_bytes)->default_value(chosen.value_bytes), "of a put");
  known.add_options()("connections",
                      po::value(&chosen.connections)->default_value(chosen.connections), "");
  known.add_options()("streams", po::value(&chosen.streams)->default_value(chosen.streams),
                      "calls in flight on each connection");
  po::variables_map values;
  po::store(po::parse_command_line(argc, argv, known), values);
  po::notify(values);
  if (values.contains("help")) {
    std::cout << known;
    std::exit(0);
  }
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || (method != "put" && method != "range") || chosen.keys == 0)
    throw std::runtime_error("wrong arguments; see --help");
  chosen.host = address.substr(0, colon);
  chosen.port = static_cast<uint16_t>(std::stoul(address.substr(colon + 1)));
  chosen.put = method == "put";
  return chosen;
}

void print(run& done, double seconds) {
  auto& latencies = done.latencies_us;
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](size_t percent) {
    return latencies.empty() ? 0 : latencies[(latencies.size() - 1) * percent / 100];
  };
  std::printf("{\"calls\":%lu,\"failed\":%lu,\"seconds\":%.3f,\"calls_per_second\":%.0f,"
              "\"p50_us\":%u,\"p99_us\":%u}\n",
              done.ended, done.failed, seconds, static_cast<double>(done.ended) / seconds,
              percentile(50), percentile(99));
}

} // namespace

/// Exit status: 0 if every call succeeded, 1 if one failed (the first failure is on stderr), 2 if
/// the run broke off.
int main(int argc, char** argv) try {
  run shared{parse(argc, argv)};
  const auto begin = monotonic::now();
  drive(shared);
  print(shared, std::chrono::duration<double>(monotonic::now() - begin).count());
  if (shared.failed > 0)
    std::cerr << "grpc_load: " << shared.failed << " calls failed: " << shared.first_failure
              << '\n';
  return shared.failed > 0 ? 1 : 0;
} catch (const std::exception& error) {
  std::cerr << "grpc_load: " << error.what() << '\n';
  return 2;
}
