#include "actors/apply/applier.hpp"
#include "actors/watch/history.hpp"
#include "actors/watch/watch_hub.hpp"
#include "messages/command.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/memory_engine.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <caf/actor_cast.hpp>
#include <memory>
#include <string>
#include <vector>

namespace troupe::watch {
namespace {

using fake_watcher = test::recorder<watch_events, history_part, watches_registered>;

struct watch_hub_test : test::actor_fixture {
  watch_hub_test() {
    history = own(system.spawn(history_behavior, std::make_shared<history_core>(store)));
    start({});
  }

  void start(hub_limits limits) {
    hub = own(system.spawn(hub_behavior, std::make_shared<hub_host>(store.revision(), history,
                                                                    metrics::meter{}, limits)));
    caught_up(true);
  }

  void caught_up(bool truly) {
    send(hub, publish{.first = store.revision() + 1, .last = store.revision(), .caught_up = truly});
  }

  /// As the applier does it.
  void put(const std::string& key, const std::string& value) {
    store.begin()->put(key, value, {}, false);
    applied = applied + 1;
    auto events = store.commit({{1}, applied});
    send(hub, publish{.first = store.revision(),
                      .last = store.revision(),
                      .events = std::make_shared<std::vector<mvcc::event>>(std::move(events)),
                      .floor = store.compacted(),
                      .term = {4}});
  }

  fake_watcher& new_watcher() {
    watchers.push_back(std::make_unique<fake_watcher>(system));
    own(watchers.back()->actor);
    return *watchers.back();
  }

  fake_watcher& watch(watch_interest interest) {
    auto& result = new_watcher();
    send(hub, register_watches{{{std::move(interest), result.actor}}, result.actor});
    return result;
  }

  std::vector<std::string> heard(fake_watcher& by) {
    std::vector<std::string> result;
    while (auto news = by.take<watch_events>())
      for (std::size_t i = 0; i < news->size(); ++i) {
        const auto& event = (*news)[i];
        result.push_back(event.change.kv.key + "=" + event.change.kv.value
                         + (event.previous ? "<" + event.previous->value : ""));
      }
    return result;
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  log_index applied;
  history_actor history;
  hub_actor hub;
  std::vector<std::unique_ptr<fake_watcher>> watchers;
};

using texts = std::vector<std::string>;

watch_interest key_a(bool previous = false) {
  return {.keys = mvcc::key_range::of("a", {}), .previous = previous};
}

TEST_F(watch_hub_test, hands_over_from_history_to_hub_without_gap_or_overlap) {
  put("a", "1");
  put("a", "2");
  auto& watcher = watch(key_a());
  put("a", "3");
  run();
  auto registered = watcher.take<watches_registered>();
  ASSERT_TRUE(registered);
  EXPECT_EQ(registered->published, 3);
  EXPECT_EQ(registered->floor, -1);
  EXPECT_EQ(registered->term, term_t{4});
  EXPECT_EQ(heard(watcher), texts{"a=3"});

  send(history, read_history{.request = 9,
                             .interest = key_a(),
                             .first = 1,
                             .last = registered->published,
                             .reply_to = watcher.actor});
  run();
  auto part = watcher.take<history_part>();
  ASSERT_TRUE(part);
  EXPECT_EQ(part->request, 9u);
  EXPECT_EQ(part->error, errc::none);
  EXPECT_EQ(part->last, 3);
  ASSERT_EQ(part->events.size(), 2u);
  EXPECT_EQ(part->events[0].change.kv.value, "1");
  EXPECT_EQ(part->events[1].change.kv.value, "2");
}

// What is replayed after a restart is no news.
TEST_F(watch_hub_test, registrations_wait_until_the_applier_has_caught_up) {
  hub = own(system.spawn(hub_behavior,
                         std::make_shared<hub_host>(store.revision(), history, metrics::meter{})));
  caught_up(false);
  auto& early = watch(key_a());
  auto& gone = watch(key_a());
  send(hub, drop_watches{{gone.actor}, {}});
  run();
  EXPECT_FALSE(early.take<watches_registered>());
  store.begin()->put("a", "old", {}, false);
  auto replayed = store.commit({{1}, applied = applied + 1});
  send(hub, publish{.first = store.revision(),
                    .last = store.revision(),
                    .events = std::make_shared<std::vector<mvcc::event>>(std::move(replayed)),
                    .caught_up = true});
  put("a", "new");
  run();
  ASSERT_TRUE(early.take<watches_registered>());
  EXPECT_EQ(heard(early), texts{"a=new"});
  EXPECT_EQ(heard(gone), texts{});
}

TEST_F(watch_hub_test, asks_the_history_for_what_was_before) {
  put("a", "1");
  auto& with = watch(key_a(true));
  auto& without = watch(key_a());
  put("a", "2");
  put("a", "3");
  run();
  EXPECT_EQ(heard(with), (texts{"a=2<1", "a=3<2"}));
  EXPECT_EQ(heard(without).size(), 2u);
}

TEST_F(watch_hub_test, one_message_is_shared_by_all_who_want_the_same) {
  auto& one = watch(key_a());
  auto& other = watch(key_a());
  put("a", "1");
  run();
  auto first = one.take<watch_events>();
  auto second = other.take<watch_events>();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->batch, second->batch);
}

TEST_F(watch_hub_test, the_next_slice_runs_behind_the_watchers_of_this_one) {
  start({.slice = 2});
  for (int i = 0; i < 5; ++i)
    watch(key_a());
  run();
  put("a", "1");
  auto awake = [&] {
    return std::ranges::count_if(
      watchers, [](auto& who) { return who->template all<watch_events>().size() == 1; });
  };
  // The hub; its two watchers, as one job; and only then the hub again.
  ASSERT_TRUE(step_any());
  for (std::ptrdiff_t slice = 1; slice <= 2; ++slice) {
    EXPECT_EQ(awake(), 2 * slice - 2);
    ASSERT_TRUE(step_any());
    EXPECT_EQ(awake(), 2 * slice);
    ASSERT_TRUE(step_any());
  }
  run();
  EXPECT_EQ(awake(), 5);
}

TEST_F(watch_hub_test, drops_and_tells_what_is_published) {
  test::recorder<watches_dropped> session{system};
  own(session.actor);
  auto& stays = watch(key_a());
  auto& goes = watch(key_a());
  put("a", "1");
  send(hub, drop_watches{{goes.actor, new_watcher().actor}, session.actor});
  put("a", "2");
  run();
  EXPECT_EQ(heard(stays), (texts{"a=1", "a=2"}));
  EXPECT_EQ(heard(goes), texts{"a=1"});
  auto dropped = session.take<watches_dropped>();
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->published, 2);
  EXPECT_EQ(dropped->term, term_t{4});
}

TEST_F(watch_hub_test, progress_is_in_the_mailbox_behind_the_events) {
  start({.slice = 1});
  watch(key_a());
  auto& last_woken = *watchers.front();
  watch(key_a(true));
  run();
  put("a", "1");
  put("a", "2");
  test::recorder<progress_point> session{system};
  own(session.actor);
  send(hub, ask_progress{7, session.actor});
  while (session.all<progress_point>().empty())
    ASSERT_TRUE(step_any());
  auto point = session.take<progress_point>();
  EXPECT_EQ(point->request, 7u);
  EXPECT_EQ(point->published, 3);
  EXPECT_EQ(heard(last_woken).size(), 2u);
  EXPECT_EQ(heard(*watchers.back()), (texts{"a=1", "a=2<1"}));
}

TEST_F(watch_hub_test, a_window_below_the_floor_is_compacted) {
  put("a", "1");
  put("a", "2");
  store.compact(3);
  store.commit({{1}, applied + 1});
  auto& watcher = new_watcher();
  send(history,
       read_history{.interest = key_a(), .first = 2, .last = 3, .reply_to = watcher.actor});
  run();
  auto part = watcher.take<history_part>();
  ASSERT_TRUE(part);
  EXPECT_EQ(part->error, errc::compacted);
  EXPECT_EQ(part->floor, 3);
}

struct standing_clock : clock {
  time_point now() const override {
    return {};
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }
};

/// The applier, with stand-ins for a hub and an edge.
struct publishing_test : test::actor_fixture {
  publishing_test() {
    own(hub.actor);
    own(edge.actor);
    auto time = std::make_shared<standing_clock>();
    auto keeper = own(system.spawn(
      apply::store_keeper_behavior,
      std::make_shared<apply::store_keeper_host>(store, engine, time, apply::flush_policy{})));
    apply::apply_core core{store, {{11}, {7}, {3}}, apply::auto_compaction{{}, {}}};
    applier =
      own(system.spawn(apply::applier_behavior,
                       std::make_shared<apply::applier_host>(std::move(core), keeper, time)));
    send(applier, service::edge_joined{0, edge.actor});
    send(applier, raft_status{.role = raft_role::leader, .term = {2}, .leader = {7}});
  }

  void apply(command_kind kind, const google::protobuf::MessageLite& request) {
    index = index + 1;
    send(applier, await_applied{{{index.value, {}, time_point::max()}}});
    send(applier, committed{{{.id = {{2}, index},
                              .kind = entry_kind::command,
                              .origin = {{7}, {3}, index.value},
                              .payload = encode_command(kind, request.SerializeAsString())}}});
  }

  void put(const std::string& key) {
    etcdserverpb::PutRequest request;
    request.set_key(key);
    apply(command_kind::put, request);
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  log_index index;
  test::recorder<publish> hub{system};
  test::recorder<rpc_answers> edge{system};
  apply::applier_actor applier;
};

TEST_F(publishing_test, the_hub_hears_of_a_change_before_its_client_hears_that_it_is_done) {
  send(applier, apply::watched_by{hub.actor});
  run();
  auto news = hub.take<publish>();
  ASSERT_TRUE(news) << "the term there is";
  EXPECT_EQ(news->first, 2);
  EXPECT_EQ(news->last, 1);
  EXPECT_EQ(news->term, term_t{2});
  EXPECT_EQ(news->events, nullptr);

  put("a");
  while (hub.all<publish>().empty()) {
    EXPECT_TRUE(edge.all<rpc_answers>().empty());
    ASSERT_TRUE(step_any());
  }
  EXPECT_TRUE(edge.all<rpc_answers>().empty());
  run();
  EXPECT_EQ(edge.all<rpc_answers>().size(), 1u);
  news = hub.take<publish>();
  EXPECT_EQ(news->first, 2);
  EXPECT_EQ(news->last, 2);
  ASSERT_EQ(news->events->size(), 1u);
  EXPECT_EQ(news->events->front().kv.key, "a");
}

TEST_F(publishing_test, what_is_committed_meanwhile_is_applied_and_published_together) {
  send(applier, apply::watched_by{hub.actor});
  run();
  hub.all<publish>().clear();
  put("a");
  put("b");
  put("c");
  run();
  auto& news = hub.all<publish>();
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(news[0].first, 2);
  EXPECT_EQ(news[0].last, 4);
  EXPECT_EQ(news[0].events->size(), 3u);
  ASSERT_EQ(edge.all<rpc_answers>().size(), 1u);
  EXPECT_EQ(edge.all<rpc_answers>().front().answers.size(), 3u);
}

TEST_F(publishing_test, the_floor_and_the_term_are_published_without_changes) {
  send(applier, apply::watched_by{hub.actor});
  put("a");
  put("a");
  run();
  hub.all<publish>().clear();
  etcdserverpb::CompactionRequest request;
  request.set_revision(3);
  apply(command_kind::compact, request);
  run();
  send(applier, raft_status{.role = raft_role::leader, .term = {5}, .leader = {7}});
  // Nothing that a watcher sees.
  send(applier, raft_status{.role = raft_role::leader, .term = {5}, .leader = {7}, .last = {9}});
  run();
  auto& news = hub.all<publish>();
  ASSERT_EQ(news.size(), 2u);
  EXPECT_EQ(news[0].floor, 3);
  EXPECT_EQ(news[0].first, 4);
  EXPECT_EQ(news[0].last, 3);
  EXPECT_EQ(news[1].term, term_t{5});
}

TEST_F(publishing_test, a_hub_that_comes_later_hears_of_what_comes_later) {
  put("a");
  run();
  send(applier, apply::watched_by{hub.actor});
  put("b");
  run();
  EXPECT_EQ(hub.take<publish>()->first, 3);
  EXPECT_EQ(hub.take<publish>()->events->front().kv.key, "b");
}

} // namespace
} // namespace troupe::watch
