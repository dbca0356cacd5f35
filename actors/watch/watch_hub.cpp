#include "actors/watch/watch_hub.hpp"

#include "actors/failure/failure.hpp"
#include "actors/watch/job_train.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/make_counted.hpp>
#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

namespace {

/// Watchers of one job of the scheduler: long enough that its queue costs little, short enough that
/// the others behind it wait a fraction of a millisecond and several workers share a slice.
constexpr std::size_t train_length = 64;

/// When the last train of a slice has let go of it, the hub goes on. The hub must not outlive the
/// scheduler's workers (a hidden actor would): what their end finds in the queue lets go under the
/// lock that sending takes.
class slice_end {
public:
  explicit slice_end(const hub_actor& hub) : hub_(caf::actor_cast<caf::actor_addr>(hub)) {}

  slice_end(const slice_end&) = delete;
  slice_end& operator=(const slice_end&) = delete;

  ~slice_end() {
    if (auto hub = caf::actor_cast<hub_actor>(hub_))
      caf::anon_send(hub, tick{});
  }

private:
  /// The hub holds on to the end of its slice.
  caf::actor_addr hub_;
};

hub_pending pending_of(const publish& news) {
  hub_pending result{.first = news.first, .last = news.last, .term = news.term};
  if (news.events)
    result.events = std::move(*news.events);
  return result;
}

} // namespace

hub_host::hub_host(std::int64_t published, history_actor history, metrics::meter meter,
                   hub_limits limits)
    : core(published, limits), history(std::move(history)), meter(std::move(meter)) {}

/// One message for all of a wake-up: what it holds is counted, not copied.
void hub_host::wake(const hub_core<watcher_face>::output& out, hub_actor::pointer self) {
  caf::intrusive_ptr<job_train> train;
  std::size_t aboard = 0;
  const auto* next = out.watchers.data();
  for (const auto& [what, watchers] : out.wake_ups) {
    const auto message = caf::make_message(what);
    for (std::size_t i = 0; i < watchers; ++i) {
      if (!train)
        train = caf::make_counted<job_train>(self->system(), slice);
      (**next++)->enqueue(nullptr, caf::make_message_id(), message, train.get());
      if (++aboard % train_length == 0)
        std::exchange(train, nullptr)->leave(*self->context());
    }
  }
  if (train)
    train->leave(*self->context());
}

void hub_host::carry_out(hub_core<watcher_face>::output&& out, hub_actor::pointer self) {
  if (!out.wake_ups.empty()) {
    if (!slice)
      slice = std::make_shared<slice_end>(hub_actor{self});
    wake(out, self);
  }
  for (; out.progress_answers > 0; --out.progress_answers) {
    const auto& asked = questions.front();
    caf::anon_send(asked.reply_to, progress_point{asked.request, core.sent(), core.term()});
    questions.pop_front();
  }
  if (out.to_fill)
    // Whoever catches up waits behind whoever is up to date.
    caf::anon_send<caf::message_priority::high>(
      history, fill_previous{out.to_fill->request, std::move(out.to_fill->batch),
                             std::move(out.to_fill->which), hub_actor{self}});
  if (out.wants_tick)
    slice.reset();
  meter->watches.pending_events.set(static_cast<std::int64_t>(core.waiting_events()));
}

void hub_host::enroll(const register_watches& wanted) {
  for (const auto& watch : wanted.watches)
    core.add(watch.interest, watch.watcher);
  caf::anon_send(wanted.reply_to, watches_registered{core.published(), core.floor(), core.term()});
}

hub_actor::behavior_type hub_behavior(hub_actor::stateful_pointer<hub_state> self,
                                      const std::shared_ptr<hub_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  using output = hub_core<watcher_face>::output;
  return {
    [=](const publish& news) {
      auto& host = *self->state.host;
      output out;
      host.core.on_publish(pending_of(news), news.floor, out);
      host.carry_out(std::move(out), self);
      if (news.caught_up && !std::exchange(host.caught_up, true))
        for (const auto& wanted : std::exchange(host.early, {}))
          host.enroll(wanted);
    },
    [=](const register_watches& wanted) {
      auto& host = *self->state.host;
      if (host.caught_up)
        host.enroll(wanted);
      else
        host.early.push_back(wanted);
    },
    [=](const drop_watches& unwanted) {
      auto& host = *self->state.host;
      auto& core = host.core;
      for (const auto& watcher : unwanted.watchers) {
        core.drop(watcher.id());
        for (auto& wanted : host.early)
          std::erase_if(wanted.watches, [&](const auto& x) { return x.watcher == watcher; });
      }
      caf::anon_send(unwanted.reply_to, watches_dropped{core.published(), core.term()});
    },
    [=](const ask_progress& question) {
      output out;
      self->state.host->questions.push_back(question);
      self->state.host->core.on_progress_question(out);
      self->state.host->carry_out(std::move(out), self);
    },
    [=](const previous_filled& answer) {
      output out;
      self->state.host->core.on_previous(answer.request, out);
      self->state.host->carry_out(std::move(out), self);
    },
    [=](const tick&) {
      output out;
      self->state.host->core.on_tick(out);
      self->state.host->carry_out(std::move(out), self);
    },
  };
}

} // namespace troupe::watch
