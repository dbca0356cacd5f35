#include "actors/apply/applier.hpp"
#include "actors/watch/history.hpp"
#include "actors/watch/watch_hub.hpp"
#include "messages/command.hpp"
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
  // The hub; its two watchers; then what paces it, and only then the hub again.
  ASSERT_TRUE(step_any());
  for (std::ptrdiff_t slice = 1; slice <= 2; ++slice) {
    EXPECT_EQ(awake(), 2 * slice - 2);
    ASSERT_TRUE(step_any());
    ASSERT_TRUE(step_any());
    EXPECT_EQ(awake(), 2 * slice);
    ASSERT_TRUE(step_any());
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

} // namespace
} // namespace troupe::watch
