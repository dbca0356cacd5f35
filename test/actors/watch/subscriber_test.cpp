#include "actors/watch/subscriber.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace troupe::watch {
namespace {

class subscriber_test : public test::actor_fixture {
protected:
  ~subscriber_test() override {
    hub.all<register_watches>().clear();
    hub.all<drop_watches>().clear();
    history.all<read_history>().clear();
  }

  subscriber_actor subscribe(std::int64_t start) {
    auto context = std::make_shared<subscriber_context>();
    context->hub = hub.actor;
    context->history = history.actor;
    context->calls.on_events = [this](const watch_events& events) {
      for (std::size_t i = 0; i < events.size(); ++i)
        seen.push_back(events[i].change.at.main);
    };
    context->calls.on_end = [this](const cursor_end& why) { end = why; };
    auto result = own(spawn_subscriber(system, context, {mvcc::key_range::of("k", "")}, start));
    run();
    return result;
  }

  static watch_events one_event(std::int64_t revision) {
    auto batch = std::make_shared<event_batch>();
    batch->first = batch->last = revision;
    batch->events.emplace_back().change.at = {revision, 0};
    return {.batch = std::move(batch)};
  }

  test::recorder<publish, register_watches, drop_watches, ask_progress, previous_filled, tick> hub{
    system};
  test::recorder<read_history, fill_previous> history{system};
  std::vector<std::int64_t> seen;
  std::optional<cursor_end> end;
};

TEST_F(subscriber_test, it_reads_the_past_and_goes_on_with_what_happens) {
  auto actor = subscribe(5);
  auto registration = hub.take<register_watches>();
  ASSERT_TRUE(registration);
  EXPECT_EQ(registration->watches.at(0).interest.keys.begin, "k");
  send(registration->reply_to, watches_registered{10, -1, {}});
  run();
  auto read = history.take<read_history>();
  ASSERT_TRUE(read);
  send(actor, one_event(11));
  send(read->reply_to, history_part{.request = read->request, .events = one_event(7), .last = 10});
  run();
  EXPECT_EQ(seen, (std::vector<std::int64_t>{7, 11}));
}

TEST_F(subscriber_test, when_it_ends_the_hub_forgets_it) {
  auto actor = subscribe(0);
  hub.all<register_watches>().clear();
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  run();
  auto dropped = hub.take<drop_watches>();
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->watchers.at(0), actor);
}

TEST_F(subscriber_test, compaction_is_its_end) {
  subscribe(5);
  auto registration = hub.take<register_watches>();
  send(registration->reply_to, watches_registered{10, 6, {}});
  run();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->error, errc::compacted);
  EXPECT_EQ(end->floor, 6);
  EXPECT_TRUE(hub.take<drop_watches>());
}

} // namespace
} // namespace troupe::watch
