// What http2_session does because time passes.

#include "actors/edge/http2_session.hpp"
#include "actors/edge/status_table.hpp"

#include <algorithm>

namespace troupe {

time_point http2_session::later(time_point now, std::chrono::nanoseconds wait) {
  return wait > time_point::max() - now ? time_point::max() : now + wait;
}

void http2_session::due(time_point when) {
  next_check_ = std::min(next_check_, when);
}

void http2_session::due_in(std::chrono::nanoseconds wait) {
  due(later(now_, wait));
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

// A watch or an observer of an election whose client stands still is kept, as etcd keeps it, while
// there is room for what it does not take.
bool http2_session::may_stall(const grpc_stream& s) const {
  auto method = s.header.shape()->method;
  return !s.ended && (method == rpc_method::watch_watch || method == rpc_method::election_observe)
         && !holds_too_many_answers();
}

void http2_session::check_stream(grpc_stream& s, time_point& next) {
  if (s.deadline <= now_) {
    const auto& row = status_of(errc::deadline_exceeded);
    abort(s, {row.code, std::string{row.text}});
  } else if (s.message_due <= now_) {
    if (s.withheld > 0) {
      s.message_due = later(now_, limits_.body_timeout);
    } else {
      abort(s, {grpc_code::deadline_exceeded, "message took too long to arrive"});
    }
  }
  if (!s.unsent.empty()) {
    auto stalled = later(s.last_progress, limits_.stall_timeout);
    if (stalled <= now_ && !may_stall(s))
      give_up(s);
    else
      next = std::min(next, std::max(stalled, now_ + limits_.stall_timeout / 4));
  }
  next = std::min({next, s.deadline, s.message_due});
}

// The client takes nothing: no status would reach it either.
void http2_session::give_up(grpc_stream& s) {
  abort(s, {grpc_code::canceled, ""});
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id, NGHTTP2_CANCEL);
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
