#include "actors/edge/http1_session.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <ctime>
#include <optional>

namespace troupe {

namespace http = boost::beast::http;

namespace {

// Sent parts of a large answer are dropped from the front in steps, not byte by byte.
constexpr std::size_t output_step_bytes = 262'144;

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

} // namespace

struct http1_session::parser {
  explicit parser(const connection_limits& limits) {
    request.emplace();
    request->eager(true);
    request->header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    request->body_limit(limits.max_http_body_bytes);
  }

  std::optional<http::request_parser<http::string_body>> request;
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
  if (!busy())
    parse(now, out);
  if (!busy() && !closing_
      && edge_shared::refuses(shared_.requests, shared_.max_requests, partial_.bytes()))
    refuse(503);
}

void http1_session::parse(time_point now, heard& out) {
  if (!feed(now))
    return;
  if (parser_->request->is_done()) {
    hand_on(out);
    due_ = time_point::max();
    return;
  }
  if (!parser_->request->is_header_done())
    return;
  if (!continued_ && parser_->request->get()[http::field::expect] == "100-continue") {
    continued_ = true;
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
}

// Returns false if the request was refused.
bool http1_session::feed(time_point now) {
  auto& request = *parser_->request;
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
    refuse(status_of_parse_error(error));
    return false;
  }
  return true;
}

void http1_session::hand_on(heard& out) {
  auto message = parser_->request->release();
  parser_ = std::make_unique<parser>(limits_);
  waiting_ = true;
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
  request.body = blob{std::move(message.body())};
  out.requests.push_back(std::move(request));
  partial_.set(input_.size());
}

void http1_session::refuse(unsigned status) {
  auto reason = http::obsolete_reason(static_cast<http::status>(status));
  auto body = std::to_string(status) + " " + std::string{reason};
  output_ += "HTTP/1.1 " + body + "\r\nContent-Type: text/plain; charset=utf-8\r\n"
             + "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n"
             + body;
  closing_ = true;
  input_ = {};
  parser_ = std::make_unique<parser>(limits_);
  partial_.set(0);
  unsent_.set(output_.size() - sent_);
}

void http1_session::answer(const http_response& response, std::int64_t unix_seconds) {
  if (!waiting_ || closing_ || response.call.stream != origin_.stream)
    return;
  waiting_ = false;
  answering_ = true;
  keep_alive_ = keep_alive_ && !draining_;
  append_response(response, unix_seconds);
  if (!keep_alive_)
    closing_ = true;
}

void http1_session::append_response(const http_response& response, std::int64_t unix_seconds) {
  auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  output_ += version_ >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  output_ += std::to_string(response.status);
  output_ += ' ';
  output_.append(reason.data(), reason.size());
  auto field = [&](std::string_view name, std::string_view value) {
    output_.append("\r\n").append(name).append(": ").append(value);
  };
  if (!response.content_type.empty())
    field("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers)
    field(name, value);
  field("Date", http_date(unix_seconds));
  field("Content-Length", std::to_string(response.body.size()));
  if (!keep_alive_)
    field("Connection", "close");
  else if (version_ < 11)
    field("Connection", "keep-alive");
  output_ += "\r\n\r\n";
  if (!head_)
    output_ += response.body;
  unsent_.set(output_.size() - sent_);
}

void http1_session::write(std::vector<char>& to, std::size_t budget, time_point now, heard& out) {
  auto room = budget > to.size() ? budget - to.size() : 0;
  auto n = std::min(room, output_.size() - sent_);
  to.insert(to.end(), output_.data() + sent_, output_.data() + sent_ + n);
  sent_ += n;
  unsent_.set(output_.size() - sent_);
  if (sent_ == output_.size()) {
    if (output_.capacity() > output_step_bytes)
      output_ = {};
    output_.clear();
    sent_ = 0;
  } else if (sent_ >= output_step_bytes) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  if (answering_ && !wants_write())
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

void http1_session::check(time_point now) {
  if (now < due_)
    return;
  due_ = time_point::max();
  if (parser_->request->got_some() && !closing_)
    refuse(408);
  closing_ = true;
}

void http1_session::drain() {
  draining_ = true;
  if (!waiting_ && !parser_->request->got_some())
    closing_ = true;
}

bool http1_session::finished() const {
  return closing_ && !wants_write();
}

bool http1_session::wants_pause() const {
  return busy() && input_.size() > limits_.max_header_bytes;
}

} // namespace troupe
