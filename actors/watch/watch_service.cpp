#include "actors/watch/watch_service.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <iterator>
#include <utility>

namespace troupe::watch {

namespace {

using service_pointer = watch_service_actor::stateful_pointer<watch_service_state>;

constexpr std::chrono::milliseconds least_progress_interval{100};

time_point next_progress(watch_service_host& host) {
  std::chrono::nanoseconds interval =
    std::max<std::chrono::nanoseconds>(host.config.progress_interval, least_progress_interval);
  std::uniform_int_distribution<std::int64_t> jitter{0, interval.count() / 10};
  return host.time->now() + interval + std::chrono::nanoseconds{jitter(host.chance)};
}

session_actor open_session(service_pointer self, call_id call) {
  auto& host = *self->state.host;
  session_config config{.call = call,
                        .identity = host.config.identity,
                        .limits = host.config.limits,
                        .fragment_bytes = host.config.fragment_bytes,
                        .hub = host.hub,
                        .history = host.history,
                        .keeper = self,
                        .meter = host.meter};
  auto session = self->spawn(session_behavior, config);
  host.streams[call] = {session, host.timers.emplace(next_progress(host), call)};
  host.meter->watches.streams.add(1);
  return session;
}

void forget(watch_service_host& host, call_id call) {
  auto found = host.streams.find(call);
  if (found == host.streams.end())
    return;
  host.timers.erase(found->second.timer);
  host.streams.erase(found);
  host.meter->watches.streams.add(-1);
}

void hand_on(service_pointer self, call_id call, std::vector<call_event>&& events) {
  auto& host = *self->state.host;
  auto found = host.streams.find(call);
  if (events.front().kind == call_event::what::open && found == host.streams.end()) {
    open_session(self, call);
    found = host.streams.find(call);
  }
  // Of a call that was refused, or has ended meanwhile.
  if (found == host.streams.end())
    return;
  auto session = found->second.session;
  if (events.back().kind == call_event::what::cancel)
    forget(host, call);
  caf::anon_send(session, call_batch{std::move(events)});
}

void on_calls(service_pointer self, call_batch& batch) {
  auto& events = batch.events;
  auto first = events.front().call;
  if (std::ranges::all_of(events, [=](const auto& x) { return x.call == first; })) {
    hand_on(self, first, std::move(events));
    return;
  }
  std::map<call_id, std::vector<call_event>> by_call;
  for (auto& event : events)
    by_call[event.call].push_back(std::move(event));
  for (auto& [call, events] : by_call)
    hand_on(self, call, std::move(events));
}

void on_answers(service_pointer self, session_answers& from) {
  auto& host = *self->state.host;
  if (from.over)
    forget(host, from.call);
  if (host.answers.empty() && !from.answers.empty())
    self->send(self, flush_answers{});
  host.answers.insert(host.answers.end(), std::make_move_iterator(from.answers.begin()),
                      std::make_move_iterator(from.answers.end()));
}

void on_tick(watch_service_host& host) {
  auto now = host.time->now();
  while (!host.timers.empty() && host.timers.begin()->first <= now) {
    auto call = host.timers.begin()->second;
    host.timers.erase(host.timers.begin());
    auto& stream = host.streams.at(call);
    stream.timer = host.timers.emplace(next_progress(host), call);
    caf::anon_send(stream.session, progress_due{});
  }
}

/// Sessions hold themselves by way of their watchers: somebody has to end them.
void end_sessions(watch_service_host& host, caf::exit_reason reason) {
  for (auto& [call, stream] : host.streams)
    caf::anon_send_exit(stream.session, reason);
  host.streams.clear();
  host.timers.clear();
}

void end(service_pointer self, const caf::error& reason) {
  end_sessions(*self->state.host, caf::exit_reason::user_shutdown);
  self->quit(reason);
}

} // namespace

watch_service_actor::behavior_type
watch_service_behavior(service_pointer self, const std::shared_ptr<watch_service_host>& host) {
  self->set_exception_handler(failure_of);
  self->set_exit_handler([self](const caf::exit_msg& message) { end(self, message.reason); });
  // Also where no handler runs: a node that fails kills its actors.
  self->attach_functor([host](const caf::error&) { end_sessions(*host, caf::exit_reason::kill); });
  self->state.host = host;
  host->chance.seed(host->config.seed);
  return {
    // By mutable reference: what they hold moves, the messages are ours alone.
    [=](call_batch& batch) { on_calls(self, batch); },
    [=](session_answers& from) { on_answers(self, from); },
    // A broken invariant of a watch ends the node (DESIGN 5).
    [=](const watch_failed& failed) { end(self, failed.reason); },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
    [=](const tick&) { on_tick(*self->state.host); },
    [=](flush_answers) {
      auto& host = *self->state.host;
      host.edges.send(std::exchange(host.answers, {}));
    },
  };
}

} // namespace troupe::watch
