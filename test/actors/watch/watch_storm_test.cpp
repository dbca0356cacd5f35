// Storms without a fault in the code find nothing; with a bug at one of the seams the same
// validator finds it. TROUPE_WATCH_SEED runs one seed alone.
#include "messages/command.hpp"
#include "test/actors/watch/watch_storm.hpp"

#include <cstdlib>
#include <deque>
#include <gtest/gtest.h>
#include <iostream>
#include <string>

namespace troupe::watch {
namespace {

constexpr std::size_t storm_steps = 500;

/// Passes everything on; a bug overrides what it spoils.
struct hub_relay {
  using spoil_publish = std::function<void(publish, const hub_actor&)>;
  using spoil_register =
    std::function<void(register_watches, const hub_actor&, caf::actor_system&)>;
  using spoil_progress = std::function<void(const ask_progress&, const hub_actor&)>;

  hub_actor real;
  spoil_publish on_publish;
  spoil_register on_register;
  spoil_progress on_progress;
};

hub_actor::behavior_type relay_behavior(hub_actor::pointer self,
                                        const std::shared_ptr<hub_relay>& relay) {
  return {
    [=](const publish& news) {
      if (relay->on_publish)
        relay->on_publish(news, relay->real);
      else
        caf::anon_send(relay->real, news);
    },
    [=](const register_watches& registration) {
      if (relay->on_register)
        relay->on_register(registration, relay->real, self->system());
      else
        caf::anon_send(relay->real, registration);
    },
    [=](const drop_watches& drop) { caf::anon_send(relay->real, drop); },
    [=](const ask_progress& question) {
      if (relay->on_progress)
        relay->on_progress(question, relay->real);
      else
        caf::anon_send(relay->real, question);
    },
    [=](const previous_filled& filled) { caf::anon_send(relay->real, filled); },
    [=](const tick& now) { caf::anon_send(relay->real, now); },
  };
}

storm_seams::hub_seam relay_with(hub_relay relay) {
  return [relay](caf::actor_system& system, hub_actor real) {
    auto mine = std::make_shared<hub_relay>(relay);
    mine->real = std::move(real);
    return system.spawn(relay_behavior, mine);
  };
}

/// Answers a registration as if it had come later or earlier than it did.
registrar_face::behavior_type shift_behavior(registrar_face::pointer self,
                                             const std::pair<registrar_face, std::int64_t>& shift) {
  return {[=](watches_registered done) {
    done.published += shift.second;
    caf::anon_send(shift.first, done);
    self->quit();
  }};
}

storm_seams::hub_seam shifted_registrations(std::int64_t by) {
  return relay_with({.on_register = [=](register_watches registration, const hub_actor& real,
                                        caf::actor_system& system) {
    registration.reply_to = system.spawn(shift_behavior, std::make_pair(registration.reply_to, by));
    caf::anon_send(real, std::move(registration));
  }});
}

struct planted_bug {
  const char* name;
  storm_seams seams;
};

/// The registration says that it came too late for one event less than it did: the watcher waits
/// for that event from the hub, which sent it before.
planted_bug skips_at_hand_over() {
  return {"skips an event at the hand-over", {.asking = shifted_registrations(-1)}};
}

/// Every so often a publication holds the last change of the one before once more.
planted_bug repeats_an_event() {
  auto last = std::make_shared<mvcc::event>();
  auto count = std::make_shared<int>(0);
  return {"repeats an event",
          {.publishing = relay_with({.on_publish = [=](publish news, const hub_actor& real) {
             if (news.events && !news.events->empty()) {
               if (last->at.main != 0 && ++*count % 10 == 0)
                 news.events->insert(news.events->begin(), *last);
               *last = news.events->back();
             }
             caf::anon_send(real, news);
           }})}};
}

/// A part of the history ends in the middle of a transaction.
struct history_relay {
  static history_actor::behavior_type behavior(history_actor::pointer self,
                                               const history_actor& real) {
    return {
      [=](read_history request) {
        request.reply_to =
          self->system().spawn(split_behavior, std::make_pair(request.reply_to, request.first));
        caf::anon_send(real, std::move(request));
      },
      [=](const fill_previous& request) { caf::anon_send(real, request); },
    };
  }

  static watcher_face::behavior_type
  split_behavior(watcher_face::pointer self, const std::pair<watcher_face, std::int64_t>& to) {
    return {
      [](const watch_events&) {},
      [=](history_part part) {
        split(part, to.second);
        caf::anon_send(to.first, std::move(part));
        self->quit();
      },
      [](const watches_registered&) {},
    };
  }

  static void split(history_part& part, std::int64_t first) {
    auto main = [&](std::size_t i) { return part.events[i].change.at.main; };
    auto size = part.events.batch ? part.events.size() : 0;
    if (size < 2 || main(size - 1) != main(size - 2) || main(size - 1) == first)
      return;
    auto kept = std::make_shared<std::vector<std::uint32_t>>();
    for (std::size_t i = 0; i + 1 < size; ++i)
      kept->push_back(part.events.which ? (*part.events.which)[i] : static_cast<std::uint32_t>(i));
    part.last = std::min(part.last, main(size - 1) - 1);
    part.events.which = std::move(kept);
  }
};

planted_bug splits_a_transaction() {
  return {"splits a transaction",
          {.reading = [](caf::actor_system& system, const history_actor& real) {
            return system.spawn(history_relay::behavior, real);
          }}};
}

/// Progress is told at the revision that was published, not at the one that was sent.
planted_bug tells_progress_too_early() {
  auto published = std::make_shared<std::int64_t>(0);
  return {
    "tells progress too early",
    {.publishing = relay_with({.on_publish =
                                 [=](publish news, const hub_actor& real) {
                                   *published = news.last;
                                   caf::anon_send(real, news);
                                 }}),
     .asking = relay_with({.on_progress = [=](const ask_progress& question, const hub_actor&) {
       caf::anon_send(question.reply_to, progress_point{question.request, *published, term_t{1}});
     }})}};
}

using hasty_actor = storm_seams::commit_sink::extend<caf::reacts_to<applied>, caf::reacts_to<tick>>;

/// Hands the applier one batch at a time, and publishes some puts long before.
struct hasty_commits {
  hasty_commits() = default;

  static inline const char* name = "hasty_commits";

  struct parts {
    apply::applier_actor applier;
    hub_actor hub;
    const mvcc::store& store;
    /// Revision that was published too early; the applier's own publication of it is swallowed.
    std::shared_ptr<std::int64_t> early;
  };

  std::deque<committed> waiting;
  bool busy = false;
  int pause = 0;

  static hasty_actor::behavior_type behavior(hasty_actor::stateful_pointer<hasty_commits> self,
                                             const std::shared_ptr<parts>& parts) {
    caf::anon_send(parts->applier, apply::follow_applied{self});
    return {
      [=](const committed& batch) {
        self->state.waiting.push_back(batch);
        go_on(self, *parts);
      },
      [=](const applied&) {
        self->state.busy = false;
        go_on(self, *parts);
      },
      [=](const tick&) {
        if (--self->state.pause > 0)
          self->send(self, tick{});
        else
          hand_on(self, *parts);
      },
    };
  }

  static void go_on(hasty_actor::stateful_pointer<hasty_commits> self, const parts& parts) {
    auto& state = self->state;
    if (state.busy || state.waiting.empty())
      return;
    state.busy = true;
    if (!publish_early(state.waiting.front(), parts))
      return hand_on(self, parts);
    state.pause = 60;
    self->send(self, tick{});
  }

  static void hand_on(hasty_actor::stateful_pointer<hasty_commits> self, const parts& parts) {
    caf::anon_send(parts.applier, std::move(self->state.waiting.front()));
    self->state.waiting.pop_front();
  }

  static bool publish_early(const committed& batch, const parts& parts) {
    auto command = decode_command(batch.entries.front().payload);
    etcdserverpb::PutRequest put;
    if (batch.entries.size() != 1 || command->kind != command_kind::put
        || !put.ParseFromString(std::string{command->body.view()}))
      return false;
    auto next = parts.store.revision() + 1;
    mvcc::event event{.at = {next, 0},
                      .kv = {.key = put.key(),
                             .value = put.value(),
                             .create_revision = next,
                             .mod_revision = next,
                             .version = 1,
                             .lease = {}}};
    auto events = std::make_shared<std::vector<mvcc::event>>();
    events->push_back(std::move(event));
    *parts.early = next;
    caf::anon_send(parts.hub, publish{next, next, std::move(events), -1, term_t{}});
    return true;
  }
};

planted_bug publishes_before_the_write() {
  auto early = std::make_shared<std::int64_t>(0);
  return {"publishes before the write",
          {.publishing = relay_with({.on_publish =
                                       [=](publish news, const hub_actor& real) {
                                         if (news.events && news.first == *early) {
                                           news.first = news.last + 1;
                                           news.events = nullptr;
                                         }
                                         caf::anon_send(real, news);
                                       }}),
           .committing = [=](caf::actor_system& system, const apply::applier_actor& applier,
                             const hub_actor& hub, const mvcc::store& store) {
             auto parts = std::make_shared<hasty_commits::parts>(
               hasty_commits::parts{applier, hub, store, early});
             return caf::actor_cast<storm_seams::commit_sink>(
               system.spawn(hasty_commits::behavior, parts));
           }}};
}

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* only = std::getenv("TROUPE_WATCH_SEED"))
    return {std::stoull(only)};
  std::vector<std::uint64_t> result(count);
  for (std::uint64_t i = 0; i < count; ++i)
    result[i] = i + 1;
  return result;
}

TEST(watch_storm, keeps_every_promise) {
  watch_storm::counts all;
  std::uint64_t events = 0;
  for (auto seed : seeds(200)) {
    watch_storm storm{seed};
    storm.run_storm(storm_steps);
    ASSERT_TRUE(storm.judge().violations().empty())
      << "seed " << seed << ": " << storm.judge().violations().front();
    events += storm.judge().events();
    const auto& seen = storm.seen();
    all.created += seen.created;
    all.canceled += seen.canceled;
    all.compacted += seen.compacted;
    all.progress += seen.progress;
    all.resumed += seen.resumed;
    all.fragments += seen.fragments;
    if (testing::Test::HasFatalFailure())
      return;
  }
  std::cout << events << " events, " << all.created << " watches, " << all.canceled << " canceled, "
            << all.compacted << " lost to compaction, " << all.resumed << " resumed, "
            << all.progress << " progress messages, " << all.fragments << " fragments\n";
  for (auto count :
       {events, all.created, all.canceled, all.compacted, all.resumed, all.progress, all.fragments})
    EXPECT_GT(count, 0u) << "a storm without it shows nothing";
}

class planted_watch_bug : public testing::TestWithParam<planted_bug (*)()> {};

TEST_P(planted_watch_bug, is_found) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    auto bug = GetParam()();
    watch_storm storm{seed, bug.seams};
    storm.run_storm(storm_steps);
    if (storm.judge().violations().empty())
      continue;
    std::cout << bug.name << ": found by seed " << seed << ": "
              << storm.judge().violations().front() << '\n';
    return;
  }
  FAIL() << GetParam()().name << ": not found by 200 seeds";
}

INSTANTIATE_TEST_SUITE_P(at_the_seams, planted_watch_bug,
                         testing::Values(skips_at_hand_over, repeats_an_event, splits_a_transaction,
                                         tells_progress_too_early, publishes_before_the_write));

} // namespace
} // namespace troupe::watch
