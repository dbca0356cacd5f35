#include "actors/edge/http1_session.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <utility>

namespace troupe {

namespace http = boost::beast::http;

namespace {

std::string to_lower(boost::beast::string_view name) {
  std::string result{name};
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string http_date(std::int64_t unix_seconds) {
  std::tm parts{};
  auto seconds = static_cast<std::time_t>(unix_seconds);
  gmtime_r(&seconds, &parts);
  char text[40];
  auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

unsigned status_of_parse_error(const boost::beast::error_code& error) {
  if (error == http::error::header_limit)
    return 431;
  if (error == http::error::body_limit)
    return 413;
  if (error == http::error::bad_version)
    return 505;
  return 400;
}

// Large answers that were already under way when the room was used up.
http_response no_room_for(call_id call) {
  http_response result{.call = call, .status = 503, .content_type = "text/plain; charset=utf-8"};
  result.body = "503 Service Unavailable";
  return result;
}

} // namespace

// Refuses what Beast takes and others along the way may understand in another way (RFC 9112, 3.2
// and 6.1). Fields behind the body would join those of the header and mean nothing to us.
class http1_session::parser final : public http::request_parser<http::string_body> {
public:
  explicit parser(const connection_limits& limits) : max_fields_(limits.max_header_fields) {
    header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    body_limit(limits.max_http_body_bytes);
  }

private:
  void on_field_impl(http::field name, boost::beast::string_view text,
                     boost::beast::string_view value, boost::beast::error_code& error) override {
    if (is_header_done())
      return;
    if (++fields_ > max_fields_)
      error = http::error::header_limit;
    else
      get().insert(name, text, value);
  }

  void on_header_impl(boost::beast::error_code& error) override {
    const auto& header = get();
    auto old = header.version() < 11;
    auto hosts = header.count(http::field::host);
    auto codings = header.count(http::field::transfer_encoding);
    if (hosts > 1 || (hosts == 0 && !old))
      error = http::error::bad_field;
    else if (codings > 0
             && (codings > 1 || old
                 || !boost::beast::iequals(header[http::field::transfer_encoding], "chunked")))
      error = http::error::bad_transfer_encoding;
    else
      error = {};
    // Not earlier: an eager parser goes on to the body and forgets that the header was refused.
    eager(!error);
  }

  std::size_t max_fields_;
  std::size_t fields_ = 0;
};

http1_session::http1_session(const connection_limits& limits, edge_shared& shared, call_id origin,
                             std::string remote, time_point now)
    : limits_(limits), shared_(shared), partial_(shared.requests), unsent_(shared.answers),
      origin_(origin), remote_(std::move(remote)), parser_(std::make_unique<parser>(limits)),
      due_(now + limits.header_timeout) {}

http1_session::~http1_session() = default;

void http1_session::receive(std::string_view bytes, time_point now, heard& out) {
  if (closing_)
    return;
  input_.append(bytes);
  partial_.add(bytes.size());
  if (reads())
    parse(now, out);
  if (!busy() && !closing_
      && edge_shared::refuses(shared_.requests, shared_.max_requests, partial_.bytes()))
    refuse(503);
}

void http1_session::parse(time_point now, heard& out) {
  if (!feed(now, out) || !parser_->is_header_done())
    return;
  bool complete = parser_->is_done();
  if (!complete && !continued_ && parser_->get()[http::field::expect] == "100-continue") {
    continued_ = true;
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  if (receiving_) {
    hand_on_body(out);
  } else if (complete || streams_body()) {
    if (shared_.answers > shared_.max_answers && shared_.http.is_gateway_path(path()))
      return refuse(503);
    hand_on(out);
    due_ = time_point::max();
  }
  if (waits_for_answer())
    due_ = std::min(due_, now + limits_.body_timeout);
}

bool http1_session::waits_for_answer() const {
  return receiving_ && unread_ > limits_.max_unread_bytes;
}

std::string_view http1_session::path() const {
  auto target = parser_->get().target();
  return std::string_view{target.data(), target.size()}.substr(0, target.find('?'));
}

bool http1_session::streams_body() const {
  auto method = parser_->get().method_string();
  return shared_.http.streams_body({method.data(), method.size()}, path());
}

// Returns false if the request was refused.
bool http1_session::feed(time_point now, heard& out) {
  auto& request = *parser_;
  auto fresh = !request.got_some();
  auto had_header = request.is_header_done();
  std::size_t used = 0;
  boost::beast::error_code error;
  while (used < input_.size() && !request.is_done()) {
    auto n = request.put(boost::asio::buffer(input_.data() + used, input_.size() - used), error);
    used += n;
    if (error || n == 0)
      break;
  }
  input_.erase(0, used);
  if (fresh && (used > 0 || !input_.empty()))
    due_ = now + limits_.header_timeout;
  if (!had_header && request.is_header_done())
    due_ = now + limits_.body_timeout;
  if (error && error != http::error::need_more) {
    refuse_rest(status_of_parse_error(error), out);
    return false;
  }
  return true;
}

void http1_session::hand_on(heard& out) {
  auto& message = parser_->get();
  waiting_ = true;
  receiving_ = !parser_->is_done();
  responded_ = false;
  owes_writable_ = false;
  continued_ = false;
  head_ = message.method() == http::verb::head;
  keep_alive_ = message.keep_alive();
  version_ = message.version();
  origin_.stream += 1;
  http_request request;
  request.call = origin_;
  request.method = std::string{message.method_string()};
  request.remote = remote_;
  auto target = std::string_view{message.target().data(), message.target().size()};
  auto question = target.find('?');
  request.path = std::string{target.substr(0, question)};
  if (question != std::string_view::npos)
    request.query = std::string{target.substr(question + 1)};
  for (const auto& field : message) {
    if (field.name() == http::field::host)
      request.host = std::string{field.value()};
    else
      request.headers.emplace_back(to_lower(field.name_string()), std::string{field.value()});
  }
  auto origin = message[http::field::origin];
  allowed_origin_ = shared_.http.allowed_origin({origin.data(), origin.size()});
  unread_ = message.body().size();
  request.body = blob{std::exchange(message.body(), {})};
  request.body_goes_on = receiving_;
  out.requests.push_back(std::move(request));
  if (receiving_)
    parser_->body_limit(boost::none);
  else
    parser_ = std::make_unique<parser>(limits_);
  partial_.set(input_.size());
}

void http1_session::hand_on_body(heard& out) {
  auto bytes = std::exchange(parser_->get().body(), {});
  receiving_ = !parser_->is_done();
  partial_.set(input_.size());
  unread_ += bytes.size();
  if (receiving_ && bytes.empty())
    return;
  emit(http_event::what::body, out);
  out.http_events.back().body = blob{std::move(bytes)};
  out.http_events.back().last = !receiving_;
  if (!receiving_)
    parser_ = std::make_unique<parser>(limits_);
}

void http1_session::emit(http_event::what kind, heard& out) {
  out.http_events.push_back({.kind = kind, .call = origin_, .body = {}});
}

void http1_session::refuse(unsigned status) {
  auto reason = http::obsolete_reason(static_cast<http::status>(status));
  auto body = std::to_string(status) + " " + std::string{reason};
  output_.append("HTTP/1.1 " + body + "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 + "Content-Length: " + std::to_string(body.size())
                 + "\r\nConnection: close\r\n\r\n" + body);
  closing_ = true;
  input_ = {};
  parser_ = std::make_unique<parser>(limits_);
  partial_.set(0);
  unsent_.set(output_.bytes());
}

// Of a request that may be handed on in part already.
void http1_session::refuse_rest(unsigned status, heard& out) {
  if (!receiving_)
    return refuse(status);
  bool responded = responded_;
  abort(out);
  if (!responded)
    refuse(status);
}

// Without the end of its answer the client sees that it was cut.
void http1_session::abort(heard& out) {
  emit(http_event::what::gone, out);
  waiting_ = false;
  receiving_ = false;
  closing_ = true;
  input_ = {};
  partial_.set(0);
  output_.clear();
  unsent_.set(0);
}

void http1_session::lost(heard& out) {
  if (waiting_)
    abort(out);
}

void http1_session::answer(http_response response, std::int64_t unix_seconds) {
  if (!waiting_ || responded_ || closing_ || response.call.stream != origin_.stream)
    return;
  if (!response.body_goes_on && response.body.size() > limits_.low_water_bytes
      && shared_.answers > shared_.max_answers)
    response = no_room_for(response.call);
  responded_ = true;
  chunked_ = response.body_goes_on && version_ >= 11;
  keep_alive_ = keep_alive_ && !draining_ && (!response.body_goes_on || chunked_)
                && (!receiving_ || response.body_goes_on);
  append_header(response, unix_seconds);
  if (response.body_goes_on) {
    owes_writable_ = true;
    append_part(std::move(response.body), false);
  } else {
    append_body(std::move(response.body));
    complete_answer();
  }
}

void http1_session::answer(http_body_part part, heard& out) {
  if (!waiting_ || !responded_ || closing_ || part.call.stream != origin_.stream)
    return;
  if (unsent_.bytes() > limits_.max_stream_unsent_bytes)
    return abort(out);
  append_part(std::move(part.bytes), part.last);
  unread_ = 0;
  due_ = time_point::max();
  owes_writable_ = !part.last;
  if (part.last)
    complete_answer();
}

void http1_session::complete_answer() {
  waiting_ = false;
  answering_ = true;
  // What an unfinished request still brings is not worth reading.
  closing_ = !keep_alive_ || draining_ || receiving_;
  receiving_ = false;
}

void http1_session::append_part(std::string&& bytes, bool last) {
  auto framed = chunked_ && !head_;
  if (framed && !bytes.empty()) {
    char size[20];
    auto n = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    output_.append(std::string_view{size, static_cast<std::size_t>(n)});
    append_body(std::move(bytes));
    output_.append("\r\n");
  } else {
    append_body(std::move(bytes));
  }
  if (last && framed)
    output_.append("0\r\n\r\n");
  unsent_.set(output_.bytes());
}

void http1_session::append_body(std::string&& bytes) {
  if (!head_)
    output_.append(std::move(bytes));
  unsent_.set(output_.bytes());
}

void http1_session::append_header(const http_response& response, std::int64_t unix_seconds) {
  auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string header = version_ >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  header += std::to_string(response.status);
  header += ' ';
  header.append(reason.data(), reason.size());
  auto field = [&](std::string_view name, std::string_view value) {
    header.append("\r\n").append(name).append(": ").append(value);
  };
  if (!response.content_type.empty())
    field("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers)
    field(name, value);
  if (response.cross_origin && !allowed_origin_.empty()) {
    field("Access-Control-Allow-Headers", "accept, content-type, authorization");
    field("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
    field("Access-Control-Allow-Origin", allowed_origin_);
  }
  field("Date", http_date(unix_seconds));
  if (!response.body_goes_on)
    field("Content-Length", std::to_string(response.body.size()));
  else if (chunked_)
    field("Transfer-Encoding", "chunked");
  if (!keep_alive_)
    field("Connection", "close");
  else if (version_ < 11)
    field("Connection", "keep-alive");
  header += "\r\n\r\n";
  output_.append(std::move(header));
}

void http1_session::write(std::vector<char>& to, std::size_t budget, time_point now, heard& out) {
  auto room = budget > to.size() ? budget - to.size() : 0;
  output_.move_to(to, std::min(room, output_.bytes()));
  unsent_.set(output_.bytes());
  if (owes_writable_ && unsent_.bytes() <= limits_.low_water_bytes) {
    owes_writable_ = false;
    emit(http_event::what::writable, out);
  }
  if (answering_ && output_.empty())
    go_on(now, out);
}

// The answer has left: the next request may follow.
void http1_session::go_on(time_point now, heard& out) {
  answering_ = false;
  if (closing_)
    return;
  due_ = now + limits_.idle_timeout;
  if (!input_.empty())
    parse(now, out);
}

void http1_session::check(time_point now, heard& out) {
  if (now < due_)
    return;
  due_ = time_point::max();
  if (receiving_)
    return refuse_rest(408, out);
  if (parser_->got_some() && !closing_)
    refuse(408);
  closing_ = true;
}

void http1_session::drain() {
  draining_ = true;
  if (!waiting_ && !parser_->got_some())
    closing_ = true;
}

bool http1_session::finished() const {
  return closing_ && !wants_write();
}

bool http1_session::wants_pause() const {
  return (busy() && input_.size() > limits_.max_header_bytes) || waits_for_answer();
}

} // namespace troupe
