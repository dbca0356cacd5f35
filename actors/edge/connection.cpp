#include "actors/edge/connection.hpp"

#include <utility>

namespace troupe {

namespace {

constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr char tls_handshake_record = 0x16;

using http1_ptr = std::unique_ptr<http1_session>;
using http2_ptr = std::unique_ptr<http2_session>;

} // namespace

connection::connection(const connection_limits& limits, edge_shared& shared, call_id origin,
                       std::string remote, time_point now)
    : limits_(&limits), shared_(&shared), origin_(origin), remote_(std::move(remote)),
      session_(sniffing{.bytes = {}, .due = now + limits.header_timeout}) {}

void connection::receive(std::string_view bytes, time_point now, heard& out) {
  if (auto* http2 = std::get_if<http2_ptr>(&session_)) {
    (*http2)->receive(bytes, now, out);
  } else if (auto* http1 = std::get_if<http1_ptr>(&session_)) {
    (*http1)->receive(bytes, now, out);
  } else if (auto& first = std::get<sniffing>(session_); !first.refused) {
    first.bytes.append(bytes);
    choose(now, out);
  }
}

void connection::choose(time_point now, heard& out) {
  auto& first = std::get<sniffing>(session_);
  auto bytes = std::move(first.bytes);
  if (bytes.starts_with(http2_preface)) {
    session_ =
      std::make_unique<http2_session>(*limits_, *shared_, origin_, std::move(remote_), now);
    std::get<http2_ptr>(session_)->receive(bytes, now, out);
  } else if (http2_preface.starts_with(bytes)) {
    first.bytes = std::move(bytes);
  } else if (bytes.front() == tls_handshake_record) {
    first.refused = true;
  } else {
    session_ =
      std::make_unique<http1_session>(*limits_, *shared_, origin_, std::move(remote_), now);
    std::get<http1_ptr>(session_)->receive(bytes, now, out);
  }
}

void connection::answer(rpc_answer answer, time_point now, heard& out) {
  if (auto* http2 = std::get_if<http2_ptr>(&session_))
    (*http2)->answer(std::move(answer), now, out);
}

void connection::answer(http_response response, std::int64_t unix_seconds) {
  if (auto* http1 = std::get_if<http1_ptr>(&session_))
    (*http1)->answer(std::move(response), unix_seconds);
}

void connection::answer(http_body_part part, heard& out) {
  if (auto* http1 = std::get_if<http1_ptr>(&session_))
    (*http1)->answer(std::move(part), out);
}

void connection::write(std::vector<char>& to, std::size_t budget, time_point now, heard& out) {
  if (auto* http2 = std::get_if<http2_ptr>(&session_))
    (*http2)->write(to, budget, now, out);
  else if (auto* http1 = std::get_if<http1_ptr>(&session_))
    (*http1)->write(to, budget, now, out);
}

bool connection::wants_write() const {
  if (const auto* http2 = std::get_if<http2_ptr>(&session_))
    return (*http2)->wants_write();
  if (const auto* http1 = std::get_if<http1_ptr>(&session_))
    return (*http1)->wants_write();
  return false;
}

void connection::check(time_point now, heard& out) {
  if (auto* http2 = std::get_if<http2_ptr>(&session_))
    (*http2)->check(now, out);
  else if (auto* http1 = std::get_if<http1_ptr>(&session_))
    (*http1)->check(now, out);
  else if (auto& first = std::get<sniffing>(session_); first.due <= now)
    first.refused = true;
}

time_point connection::next_check() const {
  if (const auto* http2 = std::get_if<http2_ptr>(&session_))
    return (*http2)->next_check();
  if (const auto* http1 = std::get_if<http1_ptr>(&session_))
    return (*http1)->next_check();
  return std::get<sniffing>(session_).due;
}

void connection::drain(time_point now) {
  if (auto* http2 = std::get_if<http2_ptr>(&session_))
    (*http2)->drain(now);
  else if (auto* http1 = std::get_if<http1_ptr>(&session_))
    (*http1)->drain();
  else
    std::get<sniffing>(session_).refused = true;
}

bool connection::finished() const {
  if (const auto* http2 = std::get_if<http2_ptr>(&session_))
    return (*http2)->finished();
  if (const auto* http1 = std::get_if<http1_ptr>(&session_))
    return (*http1)->finished();
  return std::get<sniffing>(session_).refused;
}

bool connection::wants_pause() const {
  const auto* http1 = std::get_if<http1_ptr>(&session_);
  return http1 != nullptr && (*http1)->wants_pause();
}

void connection::lost(heard& out) {
  if (auto* http2 = std::get_if<http2_ptr>(&session_))
    (*http2)->lost(out);
  else if (auto* http1 = std::get_if<http1_ptr>(&session_))
    (*http1)->lost(out);
}

std::size_t connection::open_calls() const {
  if (const auto* http2 = std::get_if<http2_ptr>(&session_))
    return (*http2)->open_calls();
  if (const auto* http1 = std::get_if<http1_ptr>(&session_))
    return (*http1)->open_calls();
  return 0;
}

std::size_t connection::buffered_bytes() const {
  if (const auto* http2 = std::get_if<http2_ptr>(&session_))
    return (*http2)->buffered_bytes();
  if (const auto* http1 = std::get_if<http1_ptr>(&session_))
    return (*http1)->buffered_bytes();
  return std::get<sniffing>(session_).bytes.size();
}

} // namespace troupe
