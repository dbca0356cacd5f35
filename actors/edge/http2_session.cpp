#include "actors/edge/http2_session.hpp"

#include "actors/edge/http2_callbacks.hpp"
#include "actors/edge/status_table.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t max_spare_streams = 128;

// A client may break the ping rule so often before it is sent away, as in grpc-go.
constexpr unsigned max_ping_strikes = 2;
constexpr auto ping_interval_without_calls = std::chrono::hours{2};

} // namespace

void grpc_stream::reset() {
  header.reset();
  unsent.clear();
  grpc_stream fresh;
  std::swap(fresh.header, header);
  std::swap(fresh.unsent, unsent);
  *this = std::move(fresh);
}

http2_session::http2_session(const connection_limits& limits, edge_shared& shared, call_id origin,
                             std::string remote, time_point now)
    : limits_(limits), shared_(shared), origin_(origin), remote_(std::move(remote)), now_(now),
      unsent_(shared.answers), partial_(shared.requests),
      header_due_(later(now, limits.header_timeout)), last_heard_(now) {
  nghttp2_option* option = nullptr;
  ensure(nghttp2_option_new(&option) == 0, "memory for nghttp2");
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // field_rules says why.
  nghttp2_option_set_no_http_messaging(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, limits.reset_burst, limits.resets_per_second);
  auto created = nghttp2_session_server_new2(&session_, http2_callbacks::table(), this, option);
  nghttp2_option_del(option);
  ensure(created == 0, "memory for nghttp2");
  std::array<nghttp2_settings_entry, 3> settings{{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
     std::min(limits.max_concurrent_streams, connection_limits::most_concurrent_streams)},
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
  if (shared_.calls && answer.has_message)
    shared_.calls->sent(s->header.shape()->method);
  if (answer.has_message && !push(*s, std::move(answer.message), std::move(answer.tail))) {
    abort(*s, {grpc_code::resource_exhausted, "etcdserver: the client does not read its answers"});
  } else if (answer.ends) {
    const auto& row = status_of(answer.error);
    end(*s, {row.code, answer.detail.empty() ? std::string{row.text} : std::move(answer.detail)});
  } else if (answer.has_message) {
    s->owes_writable = s->header.shape()->server_stream;
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
  write_until_ = budget;
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
  for (auto* s : streams_) {
    cancel(*s);
    count_end(*s, grpc_code::canceled);
  }
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
  charge(*fresh, limits_.open_stream_bytes);
  nghttp2_session_set_stream_user_data(session_, id, fresh.get());
  return *fresh.release();
}

void http2_session::close_stream(grpc_stream& s) {
  nghttp2_session_set_stream_user_data(session_, s.id, nullptr);
  unsent_.remove(s.unsent.bytes());
  partial_.remove(s.assembler.buffered() + s.charged);
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

void http2_session::on_closed(std::int32_t id) {
  auto* s = stream(id);
  if (s == nullptr)
    return;
  // A header block that was refused half way is never reported as complete.
  if (settings_received_)
    header_due_ = time_point::max();
  cancel(*s);
  count_end(*s, grpc_code::canceled);
  close_stream(*s);
}

// -- what the client sends

void http2_session::on_header_block(const nghttp2_frame& frame) {
  header_due_ = later(now_, limits_.header_timeout);
  due(header_due_);
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST)
    open_stream(frame.hd.stream_id);
}

int http2_session::on_field(const nghttp2_frame& frame, std::string_view name,
                            std::string_view value) {
  auto* found = stream(frame.hd.stream_id);
  // Fields behind the messages mean nothing in gRPC's requests.
  if (found == nullptr || frame.headers.cat != NGHTTP2_HCAT_REQUEST)
    return 0;
  auto& s = *found;
  auto size = name.size() + value.size() + 32;
  s.header_bytes += size;
  charge(s, size);
  if (s.header_bytes > limits_.max_header_bytes)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  switch (s.rules.on(name, value)) {
  case field_rules::verdict::malformed:
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  case field_rules::verdict::ignored:
    return 0;
  case field_rules::verdict::good:
    break;
  }
  if (name != ":path") {
    s.header.add(name, value);
    return 0;
  }
  if (value != last_path_) {
    last_path_.assign(value);
    last_shape_ = find_method(value);
  }
  s.header.set_path(value, last_shape_);
  return 0;
}

void http2_session::on_request_header(grpc_stream& s) {
  header_due_ = time_point::max();
  if (!s.rules.complete()) {
    s.discarding = true;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id, NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  if (auto refused = s.header.refusal()) {
    end(s, std::move(refused->status), refused->http_status);
    return;
  }
  if (holds_too_many_answers() || over_budget()) {
    refuse_as_too_many(s);
    return;
  }
  s.deadline = later(now_, s.header.timeout());
  due(s.deadline);
  last_metadata_ = s.header.metadata(std::move(last_metadata_), remote_);
  s.metadata = last_metadata_;
  s.header.forget_fields();
  s.assembler.reset(limits_.max_message_bytes);
  if (s.header.shape()->client_stream) {
    emit(s, call_event::what::open);
  } else {
    s.message_due = later(now_, limits_.body_timeout);
    due(s.message_due);
  }
}

void http2_session::on_chunk(std::int32_t id, std::string_view bytes) {
  // What a connection may hold is bounded by its streams, so it never withholds window itself.
  nghttp2_session_consume_connection(session_, bytes.size());
  if (auto* s = stream(id))
    on_data(*s, bytes);
}

void http2_session::on_data(grpc_stream& s, std::string_view bytes) {
  auto size = bytes.size();
  while (!s.discarding && !bytes.empty()) {
    auto before = s.assembler.buffered();
    auto result = s.assembler.feed(bytes);
    partial_.add(s.assembler.buffered() - before);
    if (result == message_assembler::result::message) {
      on_message(s);
    } else if (result == message_assembler::result::bad) {
      abort(s, grpc_refusal{s.assembler.refusal()});
    } else if (over_budget()) {
      refuse_as_too_many(s);
    } else if (s.message_due == time_point::max()) {
      s.message_due = later(now_, limits_.body_timeout);
      due(s.message_due);
    }
  }
  give_window(s, size);
}

void http2_session::on_message(grpc_stream& s) {
  auto body = s.assembler.take();
  partial_.remove(body.size());
  s.message_due = time_point::max();
  release_reservation(s);
  if (s.header.shape()->client_stream) {
    s.unread += body.size() + unsent_messages::prefix_size;
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
  const auto& shape = *s.header.shape();
  auto unary = !shape.client_stream && !shape.server_stream;
  // What grpc-go's server makes of the end of the stream in each place.
  if (!s.assembler.at_boundary())
    abort(s, {unary ? grpc_code::unknown : grpc_code::internal, "unexpected EOF"});
  else if (shape.client_stream)
    emit(s, call_event::what::half_close);
  else
    end(s, {grpc_code::unknown, "EOF"});
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
  if (begins) {
    s.dispatched = true;
    s.dispatched_at = now_;
  }
  count_heard(s, kind);
  auto call = origin_;
  call.stream = s.id;
  out_->calls.push_back({.kind = kind,
                         .call = call,
                         .method = s.header.shape()->method,
                         .body = body.empty() ? blob{} : blob{std::move(body)},
                         .metadata = begins ? s.metadata : nullptr,
                         .deadline = s.deadline});
}

void http2_session::count_heard(const grpc_stream& s, call_event::what kind) {
  if (!shared_.calls)
    return;
  auto method = s.header.shape()->method;
  if (kind == call_event::what::request || kind == call_event::what::open)
    shared_.calls->started(method, s.metadata->client_api_version);
  if (kind == call_event::what::request || kind == call_event::what::message)
    shared_.calls->received(method);
}

void http2_session::count_end(grpc_stream& s, grpc_code code) {
  if (!shared_.calls || !s.dispatched || std::exchange(s.counted, true))
    return;
  shared_.calls->handled(s.header.shape()->method, static_cast<std::size_t>(code),
                         now_ - s.dispatched_at);
}

void http2_session::cancel(grpc_stream& s) {
  if (s.dispatched && !s.ended)
    emit(s, call_event::what::cancel);
}

// -- flow control towards the client

void http2_session::charge(grpc_stream& s, std::size_t bytes) {
  s.charged += bytes;
  partial_.add(bytes);
}

bool http2_session::over_budget() const {
  return partial_.bytes() > limits_.max_partial_bytes
         || edge_shared::refuses(shared_.requests, shared_.max_requests, partial_.bytes());
}

bool http2_session::holds_too_many_answers() const {
  return unsent_.bytes() > limits_.max_connection_unsent_bytes
         || edge_shared::refuses(shared_.answers, shared_.max_answers, unsent_.bytes());
}

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

} // namespace troupe
