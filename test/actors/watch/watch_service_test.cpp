#include "actors/watch/watch_service.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <gtest/gtest.h>
#include <string>

namespace troupe::watch {
namespace {

using etcdserverpb::WatchRequest;
using etcdserverpb::WatchResponse;
using namespace std::chrono_literals;

struct hand_clock : clock {
  time_point now() const override {
    return at;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point at;
};

/// The watch service with its sessions and watchers, between stand-ins for hub, history and edge.
class watch_service_test : public test::actor_fixture {
protected:
  watch_service_test() {
    auto host = std::make_shared<watch_service_host>();
    host->config.identity = {cluster_id{1}, member_id{2}};
    host->hub = hub.actor;
    host->history = history.actor;
    host->time = time;
    host->meter = metrics::meter{time, counters};
    service = own(system.spawn(watch_service_behavior, host));
    send(service, service::edge_joined{9, edge.actor});
    run();
  }

  ~watch_service_test() override {
    caf::anon_send_exit(service, caf::exit_reason::user_shutdown);
    run();
    hub.seen->all<register_watches>().clear();
    hub.seen->all<drop_watches>().clear();
    hub.seen->all<ask_progress>().clear();
    history.seen->all<read_history>().clear();
  }

  static call_event event(call_event::what kind, std::int32_t stream, std::string body = {}) {
    return {kind, {9, 1, stream}, rpc_method::watch_watch, blob{std::move(body)}};
  }

  static call_event create(std::int32_t stream, std::int64_t start = 0) {
    WatchRequest request;
    request.mutable_create_request()->set_key("k");
    request.mutable_create_request()->set_start_revision(start);
    return event(call_event::what::message, stream, request.SerializeAsString());
  }

  /// Opens a stream with one watch, and answers its registration.
  watcher_face open(std::int32_t stream) {
    send(service, call_batch{{event(call_event::what::open, stream), create(stream)}});
    run();
    auto registration = hub.take<register_watches>();
    EXPECT_TRUE(registration);
    send(registration->reply_to, watches_registered{100, -1, term_t{3}});
    run();
    EXPECT_TRUE(answers().at(0).created());
    return registration->watches.at(0).watcher;
  }

  static watch_events one_event(std::int64_t revision) {
    auto batch = std::make_shared<event_batch>();
    batch->first = batch->last = revision;
    batch->term = term_t{3};
    WatchResponse encoded;
    encoded.add_events()->mutable_kv()->set_mod_revision(revision);
    batch_event event;
    event.change.at = {revision, 0};
    event.encoded = blob{encoded.SerializeAsString()};
    batch->events.push_back(std::move(event));
    return {.batch = std::move(batch)};
  }

  /// Of the oldest message to the edge.
  std::vector<WatchResponse> answers() {
    std::vector<WatchResponse> result;
    auto batch = edge.take<rpc_answers>();
    for (const auto& answer : batch ? batch->answers : std::vector<rpc_answer>{}) {
      if (!answer.has_message)
        continue;
      EXPECT_TRUE(result.emplace_back().ParseFromString(std::string{answer.message.view()}
                                                        + std::string{answer.tail.view()}));
    }
    return result;
  }

  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  std::shared_ptr<metrics::node_counters> counters = std::make_shared<metrics::node_counters>();
  test::recorder<publish, register_watches, drop_watches, ask_progress, previous_filled, tick> hub{
    system};
  test::recorder<read_history, fill_previous> history{system};
  test::recorder<rpc_answers> edge{system};
  watch_service_actor service;
};

TEST_F(watch_service_test, events_reach_the_client_behind_the_answer_that_says_created) {
  auto watcher = open(1);
  send(watcher, one_event(101));
  run();
  auto got = answers();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header().revision(), 101);
  EXPECT_EQ(got[0].header().cluster_id(), 1u);
  EXPECT_EQ(got[0].header().member_id(), 2u);
  EXPECT_EQ(got[0].header().raft_term(), 3u);
  EXPECT_EQ(got[0].events(0).kv().mod_revision(), 101);
  EXPECT_EQ(counters->watches.events.value(), 1u);
}

TEST_F(watch_service_test, answers_of_many_sessions_leave_together) {
  std::vector<watcher_face> watchers;
  for (std::int32_t stream = 1; stream <= 50; ++stream)
    watchers.push_back(open(stream));
  EXPECT_EQ(counters->watches.streams.value(), 50);
  auto events = one_event(101);
  for (const auto& watcher : watchers)
    send(watcher, events);
  run();
  EXPECT_EQ(answers().size(), 50u);
  EXPECT_FALSE(edge.take<rpc_answers>());
}

TEST_F(watch_service_test, a_watch_of_the_past_registers_itself_reads_and_then_goes_on) {
  send(service, call_batch{{event(call_event::what::open, 1), create(1, 90)}});
  run();
  auto first = hub.take<register_watches>();
  EXPECT_TRUE(first->watches.empty());
  send(first->reply_to, watches_registered{100, 50, term_t{3}});
  run();
  EXPECT_TRUE(answers().at(0).created());
  auto second = hub.take<register_watches>();
  ASSERT_TRUE(second);
  send(second->reply_to, watches_registered{102, 50, term_t{3}});
  run();
  auto read = history.take<read_history>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 90);
  EXPECT_EQ(read->last, 102);
  send(second->watches[0].watcher, one_event(103));
  run();
  EXPECT_TRUE(answers().empty());
  send(read->reply_to,
       history_part{.request = read->request, .events = one_event(95), .last = 102});
  run();
  auto got = answers();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].header().revision(), 102);
  EXPECT_EQ(got[0].events(0).kv().mod_revision(), 95);
  EXPECT_EQ(got[1].events(0).kv().mod_revision(), 103);
  EXPECT_EQ(counters->watches.slow_watches.value(), 0);
  send(service, call_batch{{event(call_event::what::cancel, 1)}});
  run();
  EXPECT_EQ(hub.all<drop_watches>().size(), 2u) << "who registered itself drops itself";
}

TEST_F(watch_service_test, a_watcher_the_hub_left_behind_reads_from_the_gap_on) {
  auto watcher = open(1);
  auto gap = one_event(110);
  gap.gap = true;
  send(watcher, gap);
  run();
  auto registration = hub.take<register_watches>();
  ASSERT_TRUE(registration);
  send(registration->reply_to, watches_registered{115, -1, term_t{3}});
  run();
  auto read = history.take<read_history>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 110);
  EXPECT_EQ(counters->watches.slow_watches.value(), 1);
}

TEST_F(watch_service_test, each_stream_has_its_own_interval_of_progress_notifications) {
  open(1);
  time->at += 5min;
  open(2);
  send(service, tick{});
  run();
  EXPECT_FALSE(hub.take<ask_progress>());
  time->at += 6min;
  send(service, tick{});
  run();
  EXPECT_EQ(hub.all<ask_progress>().size(), 1u);
}

TEST_F(watch_service_test, progress_passes_through_every_watcher) {
  auto watcher = open(1);
  WatchRequest request;
  request.mutable_progress_request();
  send(service, call_batch{{event(call_event::what::message, 1, request.SerializeAsString())}});
  run();
  auto question = hub.take<ask_progress>();
  ASSERT_TRUE(question);
  send(watcher, one_event(101));
  send(question->reply_to, progress_point{question->request, 101, term_t{3}});
  run();
  EXPECT_EQ(answers().at(0).events_size(), 1);
  auto progress = answers();
  EXPECT_EQ(progress.at(0).watch_id(), -1);
  EXPECT_EQ(progress.at(0).header().revision(), 101);
}

TEST_F(watch_service_test, what_has_ended_leaves_nothing_behind) {
  auto actors = system.registry().running();
  for (std::int32_t stream = 1; stream <= 20; ++stream) {
    open(stream);
    send(service, call_batch{{event(call_event::what::cancel, stream)}});
    run();
  }
  EXPECT_EQ(hub.all<drop_watches>().size(), 20u);
  hub.all<drop_watches>().clear(); // names them
  EXPECT_EQ(system.registry().running(), actors);
  EXPECT_EQ(counters->watches.streams.value(), 0);
  EXPECT_EQ(counters->watches.watches.value(), 0);
  send(service, call_batch{{create(3)}});
  run();
  EXPECT_FALSE(hub.take<register_watches>()) << "of a call nobody knows";
}

TEST_F(watch_service_test, what_is_no_request_ends_the_call) {
  open(1);
  send(service, call_batch{{event(call_event::what::message, 1, "\x0a")}});
  run();
  auto batch = edge.take<rpc_answers>();
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->answers.at(0).ends);
  EXPECT_EQ(batch->answers[0].error, errc::malformed_message);
  EXPECT_EQ(counters->watches.streams.value(), 0);
}

// A broken invariant of one watch ends the service, and so the node.
TEST_F(watch_service_test, a_watcher_that_fails_takes_the_service_with_it) {
  auto watcher = open(1);
  send(watcher, watches_registered{100, -1, term_t{3}}); // it has asked for none
  run();
  EXPECT_EQ(counters->watches.watches.value(), 0);
  EXPECT_FALSE(step(service));
  send(service, call_batch{{event(call_event::what::open, 2), create(2)}});
  run();
  EXPECT_FALSE(hub.take<register_watches>());
}

// A node that fails kills its actors, and then no handler of theirs runs: the fixture sees that the
// sessions end too.
TEST_F(watch_service_test, a_killed_service_leaves_no_session_behind) {
  open(1);
  open(2);
  caf::anon_send_exit(service, caf::exit_reason::kill);
  run();
  EXPECT_FALSE(step(service));
}

} // namespace
} // namespace troupe::watch
