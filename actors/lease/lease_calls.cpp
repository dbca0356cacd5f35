#include "actors/lease/lease_calls.hpp"

#include "actors/service/request_parser.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace troupe::lease {

namespace {

constexpr call_id first_call{0, 0, std::numeric_limits<std::int32_t>::min()};

} // namespace

lease_calls::lease_calls(lease_core& core, lease_identity identity, call_limits limits)
    : core_(core), identity_(identity), limits_(limits) {}

void lease_calls::on(const call_batch& batch, std::int64_t revision, time_point now,
                     call_output& out) {
  for (const auto& event : batch.events)
    on(event, revision, now, out);
}

void lease_calls::on(const call_event& event, std::int64_t revision, time_point now,
                     call_output& out) {
  switch (event.method) {
  case rpc_method::lease_keep_alive:
    on_keep_alive(event, revision, now, out);
    break;
  case rpc_method::lease_time_to_live:
    if (event.kind == call_event::what::request)
      time_to_live(event, revision, now, out);
    else if (event.kind == call_event::what::cancel)
      waiting_ -= std::erase_if(early_, [&](const read_call& x) { return x.call == event.call; });
    break;
  case rpc_method::lease_leases:
    if (event.kind == call_event::what::request)
      list(event, revision, out);
    break;
  default:
    out.answers.push_back(refuse_with(event.call, errc::unimplemented));
  }
}

// -- KeepAlive

void lease_calls::on_keep_alive(const call_event& event, std::int64_t revision, time_point now,
                                call_output& out) {
  if (event.kind == call_event::what::open) {
    open(event);
    return;
  }
  auto which = streams_.find(event.call);
  if (which == streams_.end())
    return; // it has ended here, which its client does not know yet
  switch (event.kind) {
  case call_event::what::message:
    renew(which, event, revision, now, out);
    break;
  case call_event::what::half_close:
    which->second.half_closed = true;
    if (which->second.unanswered.empty())
      end(which, errc::none, out);
    break;
  case call_event::what::cancel:
    forget(which);
    break;
  default:
    break;
  }
}

void lease_calls::open(const call_event& event) {
  stream opened;
  opened.require_leader = event.metadata && event.metadata->require_leader;
  streams_.emplace(event.call, std::move(opened));
}

void lease_calls::renew(stream_table::iterator which, const call_event& event,
                        std::int64_t revision, time_point now, call_output& out) {
  auto parsed = service::parse_streamed(renewal_, event.body.view());
  if (parsed.error != errc::none) {
    end(which, parsed.error, out, std::move(parsed.detail));
    return;
  }
  lease_id lease{renewal_.id()};
  auto& unanswered = which->second.unanswered;
  if (unanswered.empty() && answer(event.call, lease, revision, now, out))
    return;
  if (waiting_ >= limits_.max_waiting || unanswered.size() >= limits_.max_waiting_per_stream) {
    end(which, errc::too_many_requests, out);
    return;
  }
  unanswered.push_back(lease);
  ++waiting_;
  if (unanswered.size() == 1)
    start_waiting(which, revision, now);
}

/// @returns false if the answer is not known yet.
bool lease_calls::answer(call_id call, lease_id lease, std::int64_t revision, time_point now,
                         call_output& out) {
  std::int64_t ttl_seconds = 0;
  if (core_.renew(lease, now, ttl_seconds) == renewal::wait)
    return false;
  fill(*renewed_.mutable_header(), revision);
  renewed_.set_id(lease.value);
  renewed_.set_ttl(ttl_seconds);
  out.answers.push_back(
    {.call = call, .has_message = true, .message = blob{renewed_.SerializeAsString()}});
  return true;
}

void lease_calls::start_waiting(stream_table::iterator which, std::int64_t revision,
                                time_point now) {
  auto& [call, waiting] = *which;
  waiting.since = now;
  waiting.revision = revision;
  waiters_.emplace(waiting.unanswered.front(), call);
}

/// @pre its first renewal has to wait, as far as known.
void lease_calls::resume(stream_table::iterator which, std::int64_t revision, time_point now,
                         call_output& out) {
  auto& [call, resumed] = *which;
  auto& unanswered = resumed.unanswered;
  auto next = unanswered.begin();
  while (next != unanswered.end()
         && answer(call, *next, next == unanswered.begin() ? resumed.revision : revision, now, out))
    ++next;
  if (next == unanswered.begin())
    return;
  waiters_.erase({unanswered.front(), call});
  waiting_ -= static_cast<std::size_t>(next - unanswered.begin());
  unanswered.erase(unanswered.begin(), next);
  if (!unanswered.empty())
    start_waiting(which, revision, now);
  else if (resumed.half_closed)
    end(which, errc::none, out);
}

void lease_calls::end(stream_table::iterator which, errc error, call_output& out,
                      std::string detail) {
  out.answers.push_back(refuse_with(which->first, error, std::move(detail)));
  forget(which);
}

void lease_calls::forget(stream_table::iterator which) {
  const auto& [call, gone] = *which;
  if (!gone.unanswered.empty())
    waiters_.erase({gone.unanswered.front(), call});
  waiting_ -= gone.unanswered.size();
  streams_.erase(which);
}

void lease_calls::on_decided(const lease_output& decided, std::int64_t revision, time_point now,
                             call_output& out) {
  std::vector<call_id> calls;
  if (decided.promoted) {
    for (const auto& [lease, call] : waiters_)
      calls.push_back(call);
  } else if (!waiters_.empty()) {
    for (auto lease : decided.settled)
      for (auto x = waiters_.lower_bound({lease, first_call});
           x != waiters_.end() && x->first == lease; ++x)
        calls.push_back(x->second);
  }
  for (auto call : calls)
    if (auto which = streams_.find(call);
        which != streams_.end() && !which->second.unanswered.empty())
      resume(which, revision, now, out);
  if (!core_.leads())
    return;
  waiting_ -= early_.size();
  for (const auto& call : std::exchange(early_, {}))
    time_to_live(call, revision, now, out);
}

// -- unary calls

void lease_calls::time_to_live(const call_event& event, std::int64_t revision, time_point now,
                               call_output& out) {
  etcdserverpb::LeaseTimeToLiveRequest request;
  auto parsed = service::parse(request, event.body.view());
  if (parsed.error != errc::none) {
    out.answers.push_back(refuse_with(event.call, parsed.error, std::move(parsed.detail)));
    return;
  }
  read_call call{event.call, event.method, event.body,
                 std::min(event.deadline, now + limits_.request_timeout)};
  if (core_.leads()) {
    time_to_live(call, revision, now, out);
  } else if (waiting_ < limits_.max_waiting) {
    early_.push_back(std::move(call));
    ++waiting_;
  } else {
    out.answers.push_back(refuse_with(event.call, errc::too_many_requests));
  }
}

void lease_calls::time_to_live(const read_call& call, std::int64_t revision, time_point now,
                               call_output& out) {
  etcdserverpb::LeaseTimeToLiveRequest request;
  service::parse_accepted(request, call.body.view());
  etcdserverpb::LeaseTimeToLiveResponse response;
  response.set_id(request.id());
  auto found = core_.find({request.id()}, now);
  response.set_ttl(found ? found->remaining_seconds : -1);
  response.set_grantedttl(found ? found->granted_seconds : 0);
  if (found && request.keys()) {
    out.to_read.push_back(
      {call.call, call.method, blob{response.SerializeAsString()}, call.deadline});
    return;
  }
  fill(*response.mutable_header(), revision);
  out.answers.push_back(reply_with(call.call, blob{response.SerializeAsString()}));
}

void lease_calls::list(const call_event& event, std::int64_t revision, call_output& out) {
  etcdserverpb::LeaseLeasesRequest request;
  auto parsed = service::parse(request, event.body.view());
  if (parsed.error != errc::none) {
    out.answers.push_back(refuse_with(event.call, parsed.error, std::move(parsed.detail)));
    return;
  }
  etcdserverpb::LeaseLeasesResponse response;
  fill(*response.mutable_header(), revision);
  for (auto lease : core_.list())
    response.add_leases()->set_id(lease.value);
  out.answers.push_back(reply_with(event.call, blob{response.SerializeAsString()}));
}

void lease_calls::fill(etcdserverpb::ResponseHeader& header, std::int64_t revision) const {
  header.set_cluster_id(identity_.cluster.value);
  header.set_member_id(identity_.member.value);
  header.set_raft_term(raft_.term.value);
  header.set_revision(revision);
}

// -- without a leader

void lease_calls::on(const raft_status& status, time_point now) {
  raft_ = status;
  if (status.leader != member_id{})
    leaderless_since_.reset();
  else if (!leaderless_since_)
    leaderless_since_ = now;
}

void lease_calls::on_tick(time_point now, call_output& out) {
  on(raft_, now);
  for (; !early_.empty() && early_.front().deadline <= now; early_.pop_front(), --waiting_)
    out.answers.push_back(refuse_with(early_.front().call, errc::no_leader));
  if (!core_.leads())
    end_streams_without_leader(now, out);
}

void lease_calls::end_streams_without_leader(time_point now, call_output& out) {
  bool lost = leaderless_since_ && now - *leaderless_since_ >= limits_.leader_loss;
  auto hopeless = [&](const stream& x) {
    return (lost && x.require_leader)
           || (!x.unanswered.empty() && now - x.since >= limits_.request_timeout);
  };
  for (auto which = streams_.begin(); which != streams_.end();) {
    auto next = std::next(which);
    if (hopeless(which->second))
      end(which, errc::no_leader, out);
    which = next;
  }
}

} // namespace troupe::lease
