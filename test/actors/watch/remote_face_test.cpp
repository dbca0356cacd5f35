#include "actors/watch/remote_face.hpp"
#include "actors/watch/remote_port.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <gtest/gtest.h>
#include <vector>

namespace troupe::watch {
namespace {

using fake_subscriber = test::recorder<started_v1, changes_v1, lost_v1>;

class remote_face_test : public test::actor_fixture {
protected:
  ~remote_face_test() override {
    hub.all<register_watches>().clear();
    hub.all<drop_watches>().clear();
    history.all<read_history>().clear();
    send(face, end_subscriptions{});
    run();
  }

  static subscribe_v1 key(std::int64_t start = 0) {
    return {.key = "k", .start_revision = start};
  }

  /// As a program does it that connects: the message has a sender.
  template <class Message>
  void say(fake_subscriber& from, Message message) {
    auto to = caf::actor_cast<caf::strong_actor_ptr>(face);
    to->enqueue(caf::actor_cast<caf::strong_actor_ptr>(from.actor), caf::make_message_id(),
                caf::make_message(std::move(message)), nullptr);
    run();
  }

  /// Subscribes; the hub has published up to `published`. @returns the watcher.
  watcher_face subscribed(fake_subscriber& by, subscribe_v1 wanted, std::int64_t published) {
    say(by, std::move(wanted));
    return registered(published);
  }

  watcher_face registered(std::int64_t published, std::int64_t floor = -1) {
    auto registration = hub.take<register_watches>();
    if (!registration)
      return {};
    send(registration->reply_to, watches_registered{published, floor, {}});
    run();
    return registration->watches.at(0).watcher;
  }

  /// One put of a value of this size at each revision from `first` to `last`.
  static watch_events puts(std::int64_t first, std::int64_t last, std::size_t size = 1) {
    auto batch = std::make_shared<event_batch>();
    batch->first = first;
    batch->last = last;
    for (auto revision = first; revision <= last; ++revision) {
      auto& change = batch->events.emplace_back().change;
      change.at = {revision, 0};
      change.kv = {.key = "k", .value = std::string(size, 'v'), .mod_revision = revision};
    }
    return {.batch = std::move(batch)};
  }

  void happens(const watcher_face& to, watch_events events) {
    send(to, std::move(events));
    run();
  }

  static std::vector<std::int64_t> heard(fake_subscriber& by) {
    std::vector<std::int64_t> result;
    while (auto changes = by.take<changes_v1>())
      for (const auto& event : changes->events)
        result.push_back(event.kv.mod_revision);
    return result;
  }

  fake_subscriber& new_subscriber() {
    subscribers.push_back(std::make_unique<fake_subscriber>(system));
    own(subscribers.back()->actor);
    return *subscribers.back();
  }

  test::recorder<publish, register_watches, drop_watches, ask_progress, previous_filled, tick> hub{
    system};
  test::recorder<read_history, fill_previous> history{system};
  std::vector<std::unique_ptr<fake_subscriber>> subscribers;
  face_actor face = own(system.spawn(face_behavior, [this] {
    remote_context context;
    context.hub = hub.actor;
    context.history = history.actor;
    context.flow = {.window_bytes = 1000, .message_bytes = 300};
    context.total_bytes = 1500;
    context.least_window_bytes = 600;
    return face_config{std::make_shared<const remote_context>(context), &system, 3};
  }()));
};

using revisions = std::vector<std::int64_t>;

TEST_F(remote_face_test, a_subscriber_gets_the_past_and_what_happens) {
  auto& program = new_subscriber();
  say(program, subscribe_v1{.key = "a", .range_end = "c", .deletions = false, .start_revision = 5});
  ASSERT_EQ(hub.all<register_watches>().size(), 1U);
  EXPECT_EQ(hub.all<register_watches>()[0].watches.at(0).interest,
            (watch_interest{.keys = mvcc::key_range::of("a", "c"), .deletions = false}));
  auto watcher = registered(10);
  EXPECT_EQ(program.take<started_v1>(), started_v1{10});
  auto read = history.take<read_history>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 5);
  happens(watcher, puts(11, 12));
  send(read->reply_to, history_part{.request = read->request, .events = puts(7, 8), .last = 10});
  run();
  ASSERT_EQ(program.all<changes_v1>().size(), 2U);
  EXPECT_EQ(program.all<changes_v1>()[0].upto, 10);
  EXPECT_EQ(program.all<changes_v1>()[1].upto, 12);
  EXPECT_EQ(heard(program), (revisions{7, 8, 11, 12}));
}

TEST_F(remote_face_test, without_credit_the_hub_forgets_it_and_with_credit_it_reads_on) {
  auto& program = new_subscriber();
  auto watcher = subscribed(program, key(), 10);
  happens(watcher, puts(11, 15, 200));
  EXPECT_EQ(hub.all<drop_watches>().size(), 1U);
  happens(watcher, puts(16, 17, 200));
  EXPECT_EQ(program.all<changes_v1>().size(), 3U);
  EXPECT_EQ(heard(program), (revisions{11, 12, 13})) << "as much as the window holds";

  say(program, credit_v1{1});
  EXPECT_FALSE(hub.take<register_watches>()) << "more than half of the window is taken";
  say(program, credit_v1{2});
  registered(17);
  EXPECT_FALSE(program.take<started_v1>() && program.take<started_v1>()) << "it started once";
  auto read = history.take<read_history>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 14);
  EXPECT_EQ(read->last, 17);
  send(read->reply_to,
       history_part{.request = read->request, .events = puts(14, 14, 200), .last = 15});
  run();
  EXPECT_EQ(heard(program), revisions{14});
  EXPECT_EQ(history.all<read_history>().size(), 1U) << "there is room, so it asks for the rest";
}

TEST_F(remote_face_test, many_have_smaller_windows) {
  auto& first = new_subscriber();
  auto& second = new_subscriber();
  auto& third = new_subscriber();
  auto watcher = subscribed(first, key(), 10);
  subscribed(second, key(), 10);
  happens(watcher, puts(11, 20, 150));
  EXPECT_EQ(heard(first), (revisions{11, 12, 13})) << "half of what there is for all";
  subscribed(third, key(), 10);
  say(first, unsubscribe_v1{});
  say(second, unsubscribe_v1{});
  hub.all<drop_watches>().clear();
  watcher = subscribed(first, key(), 20);
  subscribed(second, key(), 20);
  happens(watcher, puts(21, 30, 150));
  EXPECT_EQ(heard(first), (revisions{21, 22})) << "not less than the least";
}

TEST_F(remote_face_test, without_credit_it_reads_no_further) {
  auto& program = new_subscriber();
  subscribed(program, key(1), 100);
  auto read = history.take<read_history>();
  ASSERT_TRUE(read);
  send(read->reply_to,
       history_part{.request = read->request, .events = puts(1, 50, 200), .last = 50});
  run();
  EXPECT_EQ(heard(program), (revisions{1, 2, 3}));
  EXPECT_FALSE(history.take<read_history>());
  say(program, credit_v1{3});
  registered(100);
  read = history.take<read_history>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 4);
}

TEST_F(remote_face_test, what_is_compacted_while_it_waits_is_lost) {
  auto& program = new_subscriber();
  auto watcher = subscribed(program, key(), 10);
  happens(watcher, puts(11, 20, 200));
  say(program, credit_v1{3});
  registered(20, 18);
  EXPECT_EQ(program.take<lost_v1>(), (lost_v1{loss::compacted, 18}));
  hub.all<drop_watches>().clear();
  subscribed(program, key(18), 20);
  EXPECT_TRUE(history.take<read_history>()) << "it may subscribe again";
}

TEST_F(remote_face_test, when_its_program_goes_the_hub_forgets_it) {
  auto& program = new_subscriber();
  auto watcher = subscribed(program, key(), 10);
  caf::anon_send_exit(program.actor, caf::exit_reason::remote_link_unreachable);
  run();
  auto dropped = hub.take<drop_watches>();
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->watchers.at(0), watcher);
}

TEST_F(remote_face_test, unsubscribe_ends_only_its_own) {
  auto& program = new_subscriber();
  auto& other = new_subscriber();
  auto watcher = subscribed(program, key(), 10);
  auto others = subscribed(other, key(), 10);
  say(program, unsubscribe_v1{});
  say(program, unsubscribe_v1{});
  say(program, credit_v1{1});
  ASSERT_EQ(hub.all<drop_watches>().size(), 1U);
  EXPECT_EQ(hub.take<drop_watches>()->watchers.at(0), watcher);
  happens(others, puts(11, 11));
  EXPECT_EQ(heard(other), revisions{11});
  EXPECT_FALSE(program.take<lost_v1>());
}

TEST_F(remote_face_test, there_are_not_more_than_it_may_have) {
  for (int i = 0; i < 3; ++i)
    subscribed(new_subscriber(), key(), 10);
  auto& fourth = new_subscriber();
  EXPECT_FALSE(subscribed(fourth, key(), 10));
  EXPECT_EQ(fourth.take<lost_v1>(), lost_v1{loss::too_many});
  say(*subscribers[0], unsubscribe_v1{});
  EXPECT_TRUE(subscribed(fourth, key(), 10));
}

TEST_F(remote_face_test, what_makes_no_sense_is_refused) {
  auto& program = new_subscriber();
  for (const auto& wrong : {subscribe_v1{.key = "b", .range_end = "a"},
                            subscribe_v1{.key = "a", .puts = false, .deletions = false},
                            subscribe_v1{.key = "a", .start_revision = -1},
                            subscribe_v1{.key = std::string(65'537, 'a')}}) {
    say(program, wrong);
    EXPECT_EQ(program.take<lost_v1>(), lost_v1{loss::malformed});
  }
  EXPECT_FALSE(hub.take<register_watches>());
  send(face, key());
  run();
  EXPECT_FALSE(hub.take<register_watches>()) << "nobody to send to";
}

TEST_F(remote_face_test, a_second_subscription_ends_the_first) {
  auto& program = new_subscriber();
  subscribed(program, key(), 10);
  say(program, key());
  EXPECT_EQ(program.take<lost_v1>(), lost_v1{loss::malformed});
  EXPECT_TRUE(hub.take<drop_watches>());
}

TEST_F(remote_face_test, a_watcher_that_fails_is_not_waited_for) {
  auto& program = new_subscriber();
  auto watcher = subscribed(program, key(), 10);
  caf::anon_send_exit(watcher, caf::exit_reason::kill);
  run();
  EXPECT_EQ(program.take<lost_v1>(), lost_v1{loss::failed});
}

TEST_F(remote_face_test, other_programs_do_not_end_it) {
  auto& program = new_subscriber();
  caf::anon_send_exit(face, caf::exit_reason::user_shutdown);
  run();
  EXPECT_TRUE(subscribed(program, key(), 10));
}

TEST_F(remote_face_test, its_end_ends_every_watcher) {
  // As the hub does, which holds them.
  std::vector<watcher_face> watchers{subscribed(new_subscriber(), key(), 10),
                                     subscribed(new_subscriber(), key(), 10)};
  caf::anon_send_exit(face, caf::exit_reason::kill);
  run();
  EXPECT_EQ(hub.all<drop_watches>().size(), 2U);
}

template <class Message>
Message sent_over(caf::actor_system& system, Message original) {
  std::vector<char> bytes;
  caf::binary_serializer sink{system, bytes};
  EXPECT_EQ(sink(original), caf::none);
  Message result;
  caf::binary_deserializer source{system, bytes};
  EXPECT_EQ(source(result), caf::none);
  return result;
}

TEST_F(remote_face_test, messages_cross_processes_whole) {
  auto same = [&](auto original) { EXPECT_EQ(sent_over(system, original), original); };
  same(subscribe_v1{"a", "b", false, false, true, 7});
  same(started_v1{8});
  same(changes_v1{1, 9, {{true, {"k", "v", 1, 2, 3, 4}, true, {"p", "w", 5, 6, 7, 8}}, {}}});
  same(lost_v1{loss::compacted, 3});
  same(credit_v1{4});
  same(unsubscribe_v1{});
}

TEST(remote_port, only_loopback_is_loopback) {
  for (auto host : {"127.0.0.1", "127.8.9.1", "::1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (auto host : {"", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "fe80::1", "localhost", "x"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

} // namespace
} // namespace troupe::watch
