#include "test/actors/edge/grpc_peer.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace troupe::test {

std::string framed(std::string_view message, char flag) {
  auto n = static_cast<std::uint32_t>(message.size());
  std::string result{flag, static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                     static_cast<char>(n >> 8), static_cast<char>(n)};
  return result.append(message);
}

std::string grpc_peer::reply::field(std::string_view name) const {
  for (const auto* list : {&trailer, &header})
    for (const auto& [key, value] : *list)
      if (key == name)
        return value;
  return {};
}

std::string grpc_peer::reply::status() const {
  auto text = field("grpc-message");
  return field("grpc-status") + (text.empty() ? "" : " " + text);
}

struct peer_callbacks {
  static grpc_peer& self(void* user) {
    return *static_cast<grpc_peer*>(user);
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    auto& reply = self(user).replies_[frame->hd.stream_id];
    auto& list = frame->headers.cat == NGHTTP2_HCAT_RESPONSE ? reply.header : reply.trailer;
    list.emplace_back(std::string{reinterpret_cast<const char*>(name), name_size},
                      std::string{reinterpret_cast<const char*>(value), value_size});
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    self(user).replies_[id].data.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    auto& reply = self(user).replies_[id];
    reply.closed = true;
    reply.error = error;
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& me = self(user);
    if (frame->hd.type == NGHTTP2_PING)
      ++((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 ? me.ping_acks : me.pings);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      const auto& away = frame->goaway;
      me.goaways.emplace_back(
        away.error_code,
        std::string{reinterpret_cast<const char*>(away.opaque_data), away.opaque_data_len});
      me.goaway_last_streams.push_back(away.last_stream_id);
    }
    return 0;
  }

  static ssize_t read(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t length,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& body = self(user).bodies_[id];
    auto n = std::min(length, body.bytes.size() - body.sent);
    if (n == 0 && !body.ends) {
      body.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    std::copy_n(body.bytes.data() + body.sent, n, to);
    body.sent += n;
    if (body.ends && body.sent == body.bytes.size())
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }
};

grpc_peer::grpc_peer(std::uint32_t window, bool automatic_window) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, peer_callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, peer_callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, peer_callbacks::closed);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, peer_callbacks::frame);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, automatic_window ? 0 : 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
}

grpc_peer::~grpc_peer() {
  nghttp2_session_del(session_);
}

std::int32_t grpc_peer::call(std::string_view path, std::string body, bool ends,
                             const header_list& more) {
  header_list header{{":method", "POST"},
                     {":scheme", "http"},
                     {":path", std::string{path}},
                     {":authority", "member"},
                     {"content-type", "application/grpc"},
                     {"te", "trailers"}};
  header.insert(header.end(), more.begin(), more.end());
  return submit(header, std::move(body), ends);
}

std::int32_t grpc_peer::submit(const header_list& header, std::string body, bool ends) {
  std::vector<nghttp2_nv> fields;
  auto bytes = [](const std::string& x) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(x.data()));
  };
  for (const auto& [name, value] : header)
    fields.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider provider{{}, peer_callbacks::read};
  auto with_body = !body.empty() || !ends;
  auto id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                   with_body ? &provider : nullptr, nullptr);
  if (id < 0)
    throw std::runtime_error{nghttp2_strerror(id)};
  bodies_[id] = {.bytes = std::move(body), .ends = ends};
  return id;
}

void grpc_peer::send(std::int32_t stream, std::string_view more, bool ends) {
  auto& body = bodies_.at(stream);
  body.bytes.append(more);
  body.ends = ends;
  if (std::exchange(body.deferred, false))
    nghttp2_session_resume_data(session_, stream);
}

void grpc_peer::reset(std::int32_t stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

void grpc_peer::ping() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
}

void grpc_peer::open_window(std::int32_t stream, std::int32_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream, bytes);
}

std::string grpc_peer::output(std::size_t limit) {
  while (pending_.size() < limit) {
    const std::uint8_t* bytes = nullptr;
    auto n = nghttp2_session_mem_send(session_, &bytes);
    if (n <= 0)
      break;
    pending_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
  }
  auto result = pending_.substr(0, limit);
  pending_.erase(0, result.size());
  return result;
}

bool grpc_peer::input(std::string_view bytes) {
  auto n = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    bytes.size());
  return n == static_cast<ssize_t>(bytes.size());
}

const grpc_peer::reply& grpc_peer::of(std::int32_t stream) const {
  static const reply none;
  auto found = replies_.find(stream);
  return found == replies_.end() ? none : found->second;
}

std::size_t grpc_peer::unsent() const {
  std::size_t result = 0;
  for (const auto& [id, body] : bodies_)
    result += body.bytes.size() - body.sent;
  return result;
}

} // namespace troupe::test
