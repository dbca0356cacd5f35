#include "actors/recipe/recipe_call.hpp"

#include "actors/edge/status_table.hpp"
#include "messages/ensure.hpp"

namespace troupe::recipe {

namespace {

failure failure_of(errc error, std::string text = {}) {
  if (text.empty())
    text = status_of(error).text;
  return {error, std::move(text)};
}

std::string bytes_of(const rpc_answer& answer) {
  std::string bytes{answer.message.view()};
  bytes.append(answer.tail.view());
  return bytes;
}

} // namespace

bool failure::passes() const {
  switch (error) {
  case errc::no_leader:
  case errc::not_leader:
  case errc::leader_changed:
  case errc::too_many_requests:
  case errc::unhealthy:
  case errc::canceled:
  case errc::deadline_exceeded:
  case errc::timeout:
  case errc::timeout_leader_failure:
  case errc::timeout_connection_lost:
  case errc::timeout_waiting_for_apply:
    return true;
  default:
    return false;
  }
}

bool failure::leaves_open() const {
  switch (error) {
  case errc::timeout:
  case errc::timeout_leader_failure:
  case errc::timeout_connection_lost:
  case errc::timeout_waiting_for_apply:
    return true;
  default:
    return false;
  }
}

void recipe_call::on(const rpc_answer& answer, step s) {
  if (done_ || open_ == inner::none || answer.call != frame_.inner)
    return;
  if (open_ == inner::watch) {
    if (answer.has_message) {
      // What was sent is taken at once: more is welcome.
      s.out.inner.push_back(event(call_event::what::writable, {}));
      etcdserverpb::WatchResponse response;
      if (response.ParseFromString(bytes_of(answer)))
        watched(response, s);
      else
        fail(failure_of(errc::internal), s);
    }
    // It may have been given up just now.
    bool still = open_ == inner::watch && answer.call == frame_.inner;
    if (still && answer.ends)
      fail(failure_of(answer.error == errc::none ? errc::canceled : answer.error, answer.detail),
           s);
    return;
  }
  if (answer.error != errc::none) {
    fail(failure_of(answer.error, answer.detail), s);
  } else if (answer.has_message) {
    open_ = inner::none;
    wake_ = time_point::max();
    auto then = std::exchange(then_, nullptr);
    if (!then(bytes_of(answer), s))
      failed(failure_of(errc::internal), s);
  }
}

void recipe_call::cancel(step s) {
  if (std::exchange(gone_, true))
    return;
  cancelled(s);
}

void recipe_call::cancelled(step s) {
  finish(s);
}

void recipe_call::on_time(step s) {
  wake_ = time_point::max();
  if (open_ == inner::request) {
    drop(s);
    failed(failure_of(errc::timeout), s);
  } else if (open_ == inner::none && !done_) {
    again(s);
  }
}

void recipe_call::fail(const failure& why, step s) {
  open_ = inner::none;
  then_ = nullptr;
  wake_ = time_point::max();
  failed(why, s);
}

void recipe_call::open_request(rpc_method method, const google::protobuf::MessageLite& request,
                               step s) {
  ensure(open_ == inner::none, "one inner call at a time");
  open_ = inner::request;
  open_method_ = method;
  ++frame_.inner.stream;
  wake_ = s.now + frame_.inner_timeout;
  auto begin = event(call_event::what::request, blob{request.SerializeAsString()});
  begin.deadline = wake_;
  s.out.inner.push_back(std::move(begin));
}

void recipe_call::watch(const etcdserverpb::WatchCreateRequest& request, step s) {
  ensure(open_ == inner::none, "one inner call at a time");
  open_ = inner::watch;
  open_method_ = rpc_method::watch_watch;
  ++frame_.inner.stream;
  wake_ = time_point::max();
  etcdserverpb::WatchRequest create;
  *create.mutable_create_request() = request;
  s.out.inner.push_back(event(call_event::what::open, {}));
  s.out.inner.push_back(event(call_event::what::message, blob{create.SerializeAsString()}));
}

void recipe_call::drop(step s) {
  if (open_ != inner::none)
    s.out.inner.push_back(event(call_event::what::cancel, {}));
  open_ = inner::none;
  then_ = nullptr;
  wake_ = time_point::max();
}

call_event recipe_call::event(call_event::what kind, blob body) const {
  bool begins = kind == call_event::what::request || kind == call_event::what::open;
  return {.kind = kind,
          .call = frame_.inner,
          .method = open_method_,
          .body = std::move(body),
          .metadata = begins ? frame_.metadata : nullptr};
}

void recipe_call::try_again(step s) {
  ensure(open_ == inner::none, "nothing is awaited meanwhile");
  wake_ = s.now + frame_.pause;
}

void recipe_call::succeed(const google::protobuf::MessageLite& answer, step s) {
  if (!gone_)
    s.out.answers.push_back(reply_with(frame_.client, blob{answer.SerializeAsString()}));
  finish(s);
}

void recipe_call::refuse(errc error, step s) {
  if (!gone_)
    s.out.answers.push_back(refuse_with(frame_.client, error));
  finish(s);
}

void recipe_call::refuse(const failure& why, step s) {
  if (!gone_)
    s.out.answers.push_back(refuse_with(frame_.client, errc::recipe_failed, why.text));
  finish(s);
}

void recipe_call::send(blob message, step s) const {
  if (!gone_)
    s.out.answers.push_back(
      {.call = frame_.client, .has_message = true, .message = std::move(message), .tail = {}});
}

void recipe_call::finish(step s) {
  drop(s);
  done_ = true;
}

} // namespace troupe::recipe
