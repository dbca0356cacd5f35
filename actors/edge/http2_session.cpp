#include "actors/edge/http2_session.hpp"

#include "actors/edge/status_table.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace troupe {

namespace {

constexpr std::size_t prefix_size = 5;

// What one call may leave behind for the next in memory.
constexpr std::size_t max_kept_string = 512;
constexpr std::size_t max_spare_streams = 128;

// A client may break the ping rule so often before it is sent away, as in grpc-go.
constexpr unsigned max_ping_strikes = 2;
constexpr auto ping_interval_without_calls = std::chrono::hours{2};

nghttp2_nv field(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view x) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(x.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// For names and values that live as long as the program.
nghttp2_nv fixed_field(std::string_view name, std::string_view value) {
  auto result = field(name, value);
  result.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  return result;
}

std::string_view number_of(grpc_code code) {
  constexpr std::array<std::string_view, 17> names{
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};
  return names[static_cast<std::size_t>(code)];
}

time_point later(time_point now, std::chrono::nanoseconds wait) {
  return wait > time_point::max() - now ? time_point::max() : now + wait;
}

bool is_binary_metadata(std::string_view name) {
  return name.ends_with("-bin") && !name.starts_with("grpc-");
}

void forget(std::string& x) {
  x.clear();
  if (x.capacity() > max_kept_string)
    x.shrink_to_fit();
}

} // namespace

void grpc_stream::reset() {
  for (auto* x : {&path, &encoding, &token, &authorization, &client_api_version, &bad_content_type,
                  &bad_header, &bad_method, &text})
    forget(*x);
  messages.clear();
  if (messages.capacity() > max_spare_streams)
    messages.shrink_to_fit();
  grpc_stream fresh;
  fresh.path.swap(path);
  fresh.encoding.swap(encoding);
  fresh.token.swap(token);
  fresh.authorization.swap(authorization);
  fresh.client_api_version.swap(client_api_version);
  fresh.bad_content_type.swap(bad_content_type);
  fresh.bad_header.swap(bad_header);
  fresh.bad_method.swap(bad_method);
  fresh.text.swap(text);
  fresh.messages.swap(messages);
  *this = std::move(fresh);
}

/// nghttp2's callbacks, each of which hands over to the session.
struct http2_callbacks {
  static http2_session& self(void* user) {
    return *static_cast<http2_session*>(user);
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& me = self(user);
    me.header_due_ = later(me.now_, me.limits_.header_timeout);
    me.due(me.header_due_);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      me.open_stream(frame->hd.stream_id);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    auto& me = self(user);
    auto* s = me.stream(frame->hd.stream_id);
    if (s == nullptr || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
      return 0;
    return me.on_field(*s, {reinterpret_cast<const char*>(name), name_size},
                       {reinterpret_cast<const char*>(value), value_size});
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    auto& me = self(user);
    // What the connection may hold is bounded by its streams, so it never withholds window itself.
    nghttp2_session_consume_connection(me.session_, size);
    if (auto* s = me.stream(id))
      me.on_data(*s, {reinterpret_cast<const char*>(bytes), size});
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).on_frame(*frame);
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).on_frame_sent(*frame);
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    auto& me = self(user);
    if (auto* s = me.stream(id))
      me.on_closed(*s);
    return 0;
  }

  static ssize_t read_data(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    return self(user).next_piece(*static_cast<grpc_stream*>(source->ptr), length, *flags);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                       std::size_t length, nghttp2_data_source* source, void* user) {
    self(user).append_piece(*static_cast<grpc_stream*>(source->ptr), header, length);
    return 0;
  }

  static nghttp2_session_callbacks* table() {
    static auto* result = [] {
      nghttp2_session_callbacks* x = nullptr;
      ensure(nghttp2_session_callbacks_new(&x) == 0, "memory for nghttp2");
      nghttp2_session_callbacks_set_on_begin_headers_callback(x, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(x, header);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(x, data);
      nghttp2_session_callbacks_set_on_frame_recv_callback(x, frame);
      nghttp2_session_callbacks_set_on_frame_send_callback(x, frame_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(x, closed);
      nghttp2_session_callbacks_set_send_data_callback(x, send_data);
      return x;
    }();
    return result;
  }
};

http2_session::http2_session(const connection_limits& limits, call_id origin, std::string remote,
                             time_point now)
    : limits_(limits), origin_(origin), remote_(std::move(remote)), now_(now),
      header_due_(later(now, limits.header_timeout)), last_heard_(now) {
  nghttp2_option* option = nullptr;
  ensure(nghttp2_option_new(&option) == 0, "memory for nghttp2");
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, limits.reset_burst, limits.resets_per_second);
  auto created = nghttp2_session_server_new2(&session_, http2_callbacks::table(), this, option);
  nghttp2_option_del(option);
  ensure(created == 0, "memory for nghttp2");
  std::array<nghttp2_settings_entry, 3> settings{{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.max_header_bytes)},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits.connection_window_bytes));
  due(header_due_);
  if (limits.keepalive_interval.count() > 0)
    due(later(now, limits.keepalive_interval));
}

http2_session::~http2_session() {
  nghttp2_session_del(session_);
  for (auto* s : streams_)
    delete s;
}

void http2_session::receive(std::string_view bytes, time_point now, heard& out) {
  if (broken_)
    return;
  now_ = now;
  out_ = &out;
  last_heard_ = now;
  ping_answer_due_ = time_point::max();
  auto taken = nghttp2_session_mem_recv(
    session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  // Protocol errors are answered by nghttp2 with GOAWAY; what comes back here is a flood or no
  // HTTP/2 at all, and gets nothing.
  if (taken < 0)
    broken_ = true;
  out_ = nullptr;
}

void http2_session::answer(rpc_answer answer, time_point now, heard& out) {
  auto* s = stream(answer.call.stream);
  if (s == nullptr || s->ended || broken_)
    return;
  now_ = now;
  out_ = &out;
  s->unread = 0;
  if (answer.has_message) {
    if (s->unsent > limits_.max_stream_unsent_bytes) {
      cancel(*s);
      end(*s, grpc_code::resource_exhausted, "etcdserver: answers pile up unread");
      out_ = nullptr;
      return;
    }
    push(*s, std::move(answer.message));
  }
  if (answer.ends) {
    const auto& row = status_of(answer.error);
    end(*s, row.code, answer.detail.empty() ? std::string{row.text} : std::move(answer.detail));
  } else {
    s->owes_writable = s->shape->server_stream && answer.has_message;
    respond(*s);
  }
  if (s->withheld > 0 && may_send(*s))
    give_window(*s, 0);
  out_ = nullptr;
}

void http2_session::write(std::vector<char>& to, std::size_t budget, time_point now, heard& out) {
  if (broken_)
    return;
  now_ = now;
  out_ = &out;
  to_ = &to;
  while (to.size() < budget) {
    const std::uint8_t* bytes = nullptr;
    auto before = to.size();
    auto n = nghttp2_session_mem_send(session_, &bytes);
    if (n < 0)
      broken_ = true;
    if (n <= 0 && to.size() == before)
      break;
    if (n > 0)
      to.insert(to.end(), bytes, bytes + n);
  }
  to_ = nullptr;
  out_ = nullptr;
}

bool http2_session::wants_write() const {
  return !broken_ && nghttp2_session_want_write(session_) != 0;
}

bool http2_session::finished() const {
  if (broken_)
    return true;
  if (nghttp2_session_want_write(session_) != 0)
    return false;
  return closing_ || nghttp2_session_want_read(session_) == 0
         || (draining_ == draining::final_notice && streams_.empty());
}

void http2_session::lost(heard& out) {
  out_ = &out;
  for (auto* s : streams_)
    cancel(*s);
  out_ = nullptr;
  broken_ = true;
}

void http2_session::drain(time_point now) {
  if (draining_ != draining::no || broken_)
    return;
  now_ = now;
  draining_ = draining::announced;
  nghttp2_submit_shutdown_notice(session_);
  // Calls that were under way when the client reads the notice still count (RFC 9113, 6.8).
  due(later(now, std::chrono::milliseconds{100}));
}

// -- streams

grpc_stream* http2_session::stream(std::int32_t id) const {
  return static_cast<grpc_stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

grpc_stream& http2_session::open_stream(std::int32_t id) {
  std::unique_ptr<grpc_stream> fresh;
  if (spare_.empty()) {
    fresh = std::make_unique<grpc_stream>();
  } else {
    fresh = std::move(spare_.back());
    spare_.pop_back();
  }
  fresh->id = id;
  fresh->position = streams_.size();
  fresh->last_progress = now_;
  streams_.push_back(fresh.get());
  nghttp2_session_set_stream_user_data(session_, id, fresh.get());
  return *fresh.release();
}

void http2_session::close_stream(grpc_stream& s) {
  nghttp2_session_set_stream_user_data(session_, s.id, nullptr);
  unsent_ -= s.unsent;
  release_reservation(s);
  streams_[s.position] = streams_.back();
  streams_[s.position]->position = s.position;
  streams_.pop_back();
  std::unique_ptr<grpc_stream> owner{&s};
  if (spare_.size() < max_spare_streams) {
    owner->reset();
    spare_.push_back(std::move(owner));
  }
}

void http2_session::on_closed(grpc_stream& s) {
  // A header block that was refused half way is never reported as complete.
  if (settings_received_)
    header_due_ = time_point::max();
  cancel(s);
  close_stream(s);
}

// -- what the client sends

int http2_session::on_field(grpc_stream& s, std::string_view name, std::string_view value) {
  s.header_bytes += name.size() + value.size() + 32;
  if (s.header_bytes > limits_.max_header_bytes)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (name == ":path") {
    if (value != last_path_) {
      last_path_.assign(value);
      last_shape_ = find_method(value);
    }
    s.shape = last_shape_;
    if (s.shape == nullptr)
      s.path.assign(value);
  } else if (name == ":method") {
    if (value != "POST")
      s.bad_method.assign(value);
  } else if (name == "content-type") {
    s.grpc_content = is_grpc_content_type(value);
    if (!s.grpc_content)
      s.bad_content_type.assign(value);
  } else {
    on_special_field(s, name, value);
  }
  return 0;
}

void http2_session::on_special_field(grpc_stream& s, std::string_view name,
                                     std::string_view value) {
  if (name == "grpc-timeout") {
    std::string text;
    if (auto timeout = parse_grpc_timeout(value, text))
      s.timeout = *timeout;
    else if (s.bad_header.empty())
      s.bad_header = "malformed grpc-timeout: " + text;
  } else if (name == "grpc-encoding") {
    if (value != "identity")
      s.encoding.assign(value);
  } else if (name == "token") {
    s.token.assign(value);
  } else if (name == "authorization") {
    s.authorization.assign(value);
  } else if (name == "hasleader") {
    s.require_leader = value == "true";
  } else if (name == "client-api-version") {
    s.client_api_version.assign(value);
  } else if (is_binary_metadata(name)) {
    auto bad = find_bad_base64(value);
    if (bad && s.bad_header.empty()) {
      s.bad_header = "malformed binary metadata ";
      append_quoted(s.bad_header, value);
      s.bad_header += " in header ";
      append_quoted(s.bad_header, name);
      s.bad_header += ": illegal base64 data at input byte " + std::to_string(*bad);
    }
  }
}

bool http2_session::refuse_header(grpc_stream& s) {
  if (!s.grpc_content) {
    std::string text = "invalid gRPC request content-type ";
    append_quoted(text, s.bad_content_type);
    refuse_http(s, "415", grpc_code::invalid_argument, std::move(text));
  } else if (!s.bad_header.empty()) {
    refuse_http(s, "400", grpc_code::internal, std::move(s.bad_header));
  } else if (!s.bad_method.empty()) {
    std::string text = "Received a HEADERS frame with :method ";
    append_quoted(text, s.bad_method);
    refuse_http(s, "405", grpc_code::internal, text + " which should be POST");
  } else if (s.shape == nullptr) {
    auto refusal = refuse_path(s.path);
    end(s, refusal.code, std::move(refusal.text));
  } else if (!s.encoding.empty()) {
    std::string text = "grpc: Decompressor is not installed for grpc-encoding ";
    append_quoted(text, s.encoding);
    end(s, grpc_code::unimplemented, std::move(text));
  } else {
    return false;
  }
  s.discarding = true;
  return true;
}

void http2_session::share_metadata(grpc_stream& s) {
  const auto& token = s.token.empty() ? s.authorization : s.token;
  if (!last_metadata_ || last_metadata_->token != token
      || last_metadata_->require_leader != s.require_leader
      || last_metadata_->client_api_version != s.client_api_version) {
    last_metadata_ = std::make_shared<const call_metadata>(
      call_metadata{token, s.require_leader, s.client_api_version, remote_});
  }
  s.metadata = last_metadata_;
}

void http2_session::on_request_header(grpc_stream& s) {
  header_due_ = time_point::max();
  if (refuse_header(s))
    return;
  s.deadline = later(now_, s.timeout);
  due(s.deadline);
  share_metadata(s);
  s.assembler.reset(limits_.max_message_bytes, s.encoding);
  if (s.shape->client_stream) {
    emit(s, call_event::what::open);
  } else {
    s.message_due = later(now_, limits_.body_timeout);
    due(s.message_due);
  }
}

void http2_session::on_data(grpc_stream& s, std::string_view bytes) {
  auto size = bytes.size();
  while (!s.discarding && !bytes.empty()) {
    auto result = s.assembler.feed(bytes);
    if (result == message_assembler::result::message) {
      on_message(s);
    } else if (result == message_assembler::result::bad) {
      cancel(s);
      end(s, s.assembler.refusal().code, s.assembler.refusal().text);
    } else if (s.message_due == time_point::max()) {
      s.message_due = later(now_, limits_.body_timeout);
      due(s.message_due);
    }
  }
  give_window(s, size);
}

void http2_session::on_message(grpc_stream& s) {
  auto body = s.assembler.take();
  s.message_due = time_point::max();
  release_reservation(s);
  if (s.shape->client_stream) {
    s.unread += body.size() + prefix_size;
    emit(s, call_event::what::message, std::move(body));
  } else {
    // grpc-go starts the method with the first message and never looks at what follows it.
    s.discarding = true;
    emit(s, call_event::what::request, std::move(body));
  }
}

void http2_session::on_half_close(grpc_stream& s) {
  if (s.discarding)
    return;
  if (!s.assembler.at_boundary()) {
    cancel(s);
    end(s,
        s.shape->client_stream || s.shape->server_stream ? grpc_code::internal : grpc_code::unknown,
        "unexpected EOF");
  } else if (s.shape->client_stream) {
    emit(s, call_event::what::half_close);
  } else {
    end(s, grpc_code::unknown, "EOF");
  }
  s.discarding = true;
}

void http2_session::on_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
  case NGHTTP2_HEADERS:
  case NGHTTP2_DATA: {
    auto* s = stream(frame.hd.stream_id);
    if (s == nullptr)
      return;
    if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST)
      on_request_header(*s);
    else
      header_due_ = settings_received_ ? time_point::max() : header_due_;
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      on_half_close(*s);
    return;
  }
  case NGHTTP2_SETTINGS:
    if (!settings_received_) {
      settings_received_ = true;
      header_due_ = time_point::max();
    }
    return;
  case NGHTTP2_PING:
    if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0)
      on_ping();
    return;
  default:
    return;
  }
}

void http2_session::on_ping() {
  auto first = !client_pinged_;
  auto since = now_ - last_client_ping_;
  client_pinged_ = true;
  last_client_ping_ = now_;
  if (sent_since_ping_) {
    sent_since_ping_ = false;
    ping_strikes_ = 0;
    return;
  }
  auto least = streams_.empty() ? std::chrono::nanoseconds{ping_interval_without_calls}
                                : limits_.keepalive_min_time;
  if (!first && since < least && ++ping_strikes_ > max_ping_strikes)
    close_now(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
}

void http2_session::emit(grpc_stream& s, call_event::what kind, std::string body) {
  auto begins = kind == call_event::what::request || kind == call_event::what::open;
  if (begins)
    s.dispatched = true;
  auto call = origin_;
  call.stream = s.id;
  out_->calls.push_back({.kind = kind,
                         .call = call,
                         .method = s.shape->method,
                         .body = body.empty() ? blob{} : blob{std::move(body)},
                         .metadata = begins ? s.metadata : nullptr,
                         .deadline = s.deadline});
}

void http2_session::cancel(grpc_stream& s) {
  if (s.dispatched && !s.ended)
    emit(s, call_event::what::cancel);
}

// -- flow control towards the client

bool http2_session::may_send(grpc_stream& s) {
  if (s.discarding)
    return true;
  if (s.unread > limits_.max_unread_bytes)
    return false;
  auto announced = s.assembler.announced();
  if (announced <= limits_.stream_window_bytes || s.reserved > 0)
    return true;
  if (reserved_ + announced > limits_.max_assembly_bytes && reserved_ > 0) {
    waiting_for_assembly_ = true;
    return false;
  }
  s.reserved = announced;
  reserved_ += announced;
  return true;
}

void http2_session::give_window(grpc_stream& s, std::size_t bytes) {
  s.withheld += bytes;
  if (!may_send(s))
    return;
  nghttp2_session_consume_stream(session_, s.id, std::exchange(s.withheld, 0));
}

void http2_session::release_reservation(grpc_stream& s) {
  reserved_ -= std::exchange(s.reserved, 0);
  if (!waiting_for_assembly_)
    return;
  waiting_for_assembly_ = false;
  for (auto* other : streams_)
    if (other != &s && other->withheld > 0)
      give_window(*other, 0);
}

// -- what we answer

void http2_session::push(grpc_stream& s, blob message) {
  auto size = message.size() + prefix_size;
  if (s.unsent == 0)
    s.last_progress = now_;
  s.unsent += size;
  unsent_ += size;
  s.messages.push_back(std::move(message));
}

void http2_session::end(grpc_stream& s, grpc_code code, std::string text) {
  if (s.ended)
    return;
  s.ended = true;
  s.discarding = true;
  s.code = code;
  s.text = std::move(text);
  s.deadline = time_point::max();
  s.message_due = time_point::max();
  release_reservation(s);
  due(later(now_, limits_.stall_timeout));
  respond(s);
}

void http2_session::respond(grpc_stream& s) {
  if (s.responded) {
    if (std::exchange(s.deferred, false))
      nghttp2_session_resume_data(session_, s.id);
    return;
  }
  if (s.ended && s.messages.empty()) {
    refuse_http(s, "200", s.code, std::move(s.text));
    return;
  }
  s.responded = true;
  std::array<nghttp2_nv, 2> header{fixed_field(":status", "200"),
                                   fixed_field("content-type", "application/grpc")};
  nghttp2_data_provider provider{{.ptr = &s}, http2_callbacks::read_data};
  nghttp2_submit_response(session_, s.id, header.data(), header.size(), &provider);
}

void http2_session::refuse_http(grpc_stream& s, const char* http_status, grpc_code code,
                                std::string text) {
  s.ended = true;
  s.responded = true;
  std::string encoded;
  append_percent_encoded(encoded, text);
  std::array<nghttp2_nv, 4> header{
    fixed_field(":status", http_status), fixed_field("content-type", "application/grpc"),
    fixed_field("grpc-status", number_of(code)), field("grpc-message", encoded)};
  nghttp2_submit_response(session_, s.id, header.data(), header.size(), nullptr);
}

void http2_session::submit_trailer(grpc_stream& s) {
  std::string encoded;
  append_percent_encoded(encoded, s.text);
  std::array<nghttp2_nv, 2> trailer{fixed_field("grpc-status", number_of(s.code)),
                                    field("grpc-message", encoded)};
  nghttp2_submit_trailer(session_, s.id, trailer.data(), encoded.empty() ? 1 : 2);
}

ssize_t http2_session::next_piece(grpc_stream& s, std::size_t length, std::uint32_t& flags) {
  if (s.unsent == 0 && !s.ended) {
    s.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  auto n = std::min(length, s.unsent);
  if (n > 0)
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n == s.unsent && s.ended) {
    flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailer(s);
  }
  return static_cast<ssize_t>(n);
}

void http2_session::append_piece(grpc_stream& s, const std::uint8_t* header, std::size_t length) {
  constexpr std::size_t frame_header_size = 9;
  to_->insert(to_->end(), header, header + frame_header_size);
  s.unsent -= length;
  unsent_ -= length;
  s.last_progress = now_;
  while (length > 0) {
    auto message = s.messages[s.first].view();
    auto size = static_cast<std::uint32_t>(message.size());
    const char prefix[prefix_size] = {0, static_cast<char>(size >> 24),
                                      static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                                      static_cast<char>(size)};
    auto part = s.offset < prefix_size
                  ? std::string_view{prefix, prefix_size}.substr(s.offset, length)
                  : message.substr(s.offset - prefix_size, length);
    to_->insert(to_->end(), part.begin(), part.end());
    length -= part.size();
    s.offset += part.size();
    if (s.offset == prefix_size + message.size()) {
      s.messages[s.first++] = blob{};
      s.offset = 0;
    }
  }
  if (s.first == s.messages.size()) {
    s.messages.clear();
    s.first = 0;
  }
  if (s.owes_writable && !s.ended && s.unsent <= limits_.low_water_bytes) {
    s.owes_writable = false;
    emit(s, call_event::what::writable);
  }
}

void http2_session::on_frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA)
    return;
  sent_since_ping_ = true;
  // The answer is complete but the client still sends: it may stop (RFC 9113, 8.1).
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0
      && nghttp2_session_get_stream_remote_close(session_, frame.hd.stream_id) == 0)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
}

// -- time

void http2_session::due(time_point when) {
  next_check_ = std::min(next_check_, when);
}

void http2_session::close_now(std::uint32_t error, std::string_view why) {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), error,
                        reinterpret_cast<const std::uint8_t*>(why.data()), why.size());
  closing_ = true;
}

void http2_session::check(time_point now, heard& out) {
  if (broken_ || now < next_check_)
    return;
  now_ = now;
  out_ = &out;
  auto next = time_point::max();
  check_connection(next);
  // A stream that ends here stays in the list until its answer is written.
  for (auto* s : streams_)
    check_stream(*s, next);
  next_check_ = next;
  out_ = nullptr;
}

void http2_session::check_stream(grpc_stream& s, time_point& next) {
  if (s.deadline <= now_) {
    cancel(s);
    end(s, grpc_code::deadline_exceeded, "context deadline exceeded");
  } else if (s.message_due <= now_) {
    if (s.withheld > 0) {
      s.message_due = later(now_, limits_.body_timeout);
    } else {
      cancel(s);
      end(s, grpc_code::deadline_exceeded, "message took too long to arrive");
    }
  }
  if (s.ended) {
    auto stalled = later(s.last_progress, limits_.stall_timeout);
    if (s.unsent > 0 && stalled <= now_)
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id, NGHTTP2_CANCEL);
    else
      next = std::min(next, std::max(stalled, now_ + limits_.stall_timeout / 4));
  }
  next = std::min({next, s.deadline, s.message_due});
}

void http2_session::check_connection(time_point& next) {
  if (header_due_ <= now_ || ping_answer_due_ <= now_) {
    broken_ = true;
    return;
  }
  next = std::min({next, header_due_, ping_answer_due_});
  if (draining_ == draining::announced) {
    draining_ = draining::final_notice;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
  }
  if (limits_.keepalive_interval.count() <= 0 || ping_answer_due_ != time_point::max())
    return;
  auto quiet = later(last_heard_, limits_.keepalive_interval);
  if (quiet <= now_) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    ping_answer_due_ = later(now_, limits_.keepalive_timeout);
    quiet = ping_answer_due_;
  }
  next = std::min(next, quiet);
}

} // namespace troupe
