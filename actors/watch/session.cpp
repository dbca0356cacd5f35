#include "actors/watch/session.hpp"

#include "actors/failure/failure.hpp"

#include <caf/send.hpp>
#include <iterator>
#include <utility>

namespace troupe::watch {

namespace {

using session_pointer = session_actor::stateful_pointer<session_state>;

void carry_out(session_pointer self, enroll_watches& step) {
  auto& host = *self->state.host;
  register_watches message;
  message.reply_to = self;
  message.watches.reserve(step.watches.size());
  for (auto& x : step.watches) {
    watcher_config config{x.watch, x.epoch, packed_interest{x.interest}, x.fragment, x.registered};
    // Lazily: most of them sleep until there is an event.
    auto watcher = self->spawn<caf::lazy_init>(watcher_behavior, host.context, std::move(config));
    if (host.watchers.size() <= x.slot)
      host.watchers.resize(x.slot + 1);
    if (x.registered)
      message.watches.push_back({std::move(x.interest), watcher});
    host.watchers[x.slot] = std::move(watcher);
  }
  caf::anon_send(host.config.hub, std::move(message));
}

void carry_out(session_pointer self, const end_watches& step) {
  auto& host = *self->state.host;
  drop_watches message;
  if (step.confirm)
    message.reply_to = self;
  std::vector<watcher_actor> told;
  for (const auto& x : step.watches) {
    auto watcher = std::exchange(host.watchers[x.slot], {});
    message.watchers.emplace_back(watcher);
    if (x.told)
      told.push_back(std::move(watcher));
  }
  caf::anon_send(host.config.hub, std::move(message));
  for (const auto& watcher : told)
    caf::anon_send(watcher, watch_order{.kind = watch_order::what::end});
}

void carry_out(session_pointer self, const order_watcher& step) {
  caf::anon_send(self->state.host->watchers[step.slot], step.order);
}

void carry_out(session_pointer self, const begin_round& step) {
  caf::anon_send(self->state.host->config.hub, ask_progress{step.round, self});
}

void carry_out(session_pointer self, const mark_watchers& step) {
  for (auto slot : step.slots)
    caf::anon_send(self->state.host->watchers[slot], step.marker);
}

void flush(session_pointer self, bool over) {
  auto& host = *self->state.host;
  if (host.answers.empty() && !over)
    return;
  caf::anon_send(host.config.keeper,
                 session_answers{host.config.call, std::exchange(host.answers, {}), over});
}

void carry_out(session_pointer self, session_output&& out) {
  for (auto& step : out.steps)
    std::visit([=](auto& x) { carry_out(self, x); }, step);
  auto& answers = self->state.host->answers;
  bool first = answers.empty() && !out.answers.empty();
  answers.insert(answers.end(), std::make_move_iterator(out.answers.begin()),
                 std::make_move_iterator(out.answers.end()));
  if (out.over) {
    flush(self, true);
    self->quit();
  } else if (first) {
    // Comes behind all that waits now: what several watchers say leaves together.
    self->send(self, flush_session{});
  }
}

/// Runs one step of the core and carries its output out.
template <class Decide>
void step(session_pointer self, const Decide& decide) {
  session_output out;
  decide(self->state.host->core, out);
  carry_out(self, std::move(out));
}

void fail(session_pointer self, const caf::error& reason) {
  caf::anon_send(self->state.host->config.keeper, watch_failed{reason});
}

} // namespace

session_actor::behavior_type session_behavior(session_pointer self, const session_config& config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    auto reason = failure_of(thrown);
    fail(self, reason);
    return reason;
  });
  self->set_exit_handler([self](const caf::exit_msg&) {
    step(self, [](session_core& core, session_output& out) { core.end(out); });
  });
  self->state.host = std::make_unique<session_host>(config);
  self->state.host->context =
    std::make_shared<watcher_context>(watcher_context{.hub = config.hub,
                                                      .history = config.history,
                                                      .session = self,
                                                      .identity = config.identity,
                                                      .fragment_bytes = config.fragment_bytes});
  return {
    // By mutable reference: the pieces move, the message is ours alone.
    [=](watch_delivery& delivery) {
      step(self, [&](session_core& core, session_output& out) {
        core.on_delivery(std::move(delivery), out);
      });
    },
    [=](const watch_notice& notice) {
      step(self, [&](session_core& core, session_output& out) { core.on_notice(notice, out); });
    },
    [=](const marker_passed& passed) {
      step(self, [&](session_core& core, session_output& out) { core.on_marker(passed, out); });
    },
    [=](const watch_failed& failed) { fail(self, failed.reason); },
    [=](const call_batch& batch) {
      step(self, [&](session_core& core, session_output& out) { core.on(batch.events, out); });
    },
    [=](const watches_registered& done) {
      step(self, [&](session_core& core, session_output& out) {
        core.on_registered(done.published, done.floor, done.term, out);
      });
    },
    [=](const watches_dropped& done) {
      step(self, [&](session_core& core, session_output& out) {
        core.on_dropped(done.published, done.term, out);
      });
    },
    [=](const progress_point& point) {
      step(self, [&](session_core& core, session_output& out) {
        core.on_progress_point(point.request, point.published, point.term, out);
      });
    },
    [=](progress_due) {
      step(self, [](session_core& core, session_output& out) { core.on_progress_due(out); });
    },
    [=](flush_session) { flush(self, false); },
  };
}

} // namespace troupe::watch
