/// Manager and session, message by message.

#include "actors/metrics/family_writer.hpp"
#include "actors/peer/peer_families.hpp"
#include "actors/peer/peer_manager.hpp"
#include "actors/peer/peer_session.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <gtest/gtest.h>

namespace troupe::peer {
namespace {

using namespace std::chrono_literals;

class hand_clock : public clock {
public:
  time_point now() const override {
    return at;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point at{1h};
};

using listener_stand_in = test::recorder<raft::peer_table, link_lost, link_found>;
using member_recorder =
  test::recorder<request_vote, request_vote_reply, append, append_reply, timeout_now,
                 forward_propose, forward_refused, forward_read, forward_read_reply>;
using link_stand_in =
  test::recorder<request_vote, request_vote_reply, append, append_reply, timeout_now,
                 forward_propose, forward_refused, forward_read, forward_read_reply, tick, hello_v1,
                 hello_refused_v1, pong_v1, end_peers>;
using remote_link = test::recorder<hello_v1, hello_refused_v1, pong_v1>;

class peer_actors : public test::actor_fixture {
protected:
  peer_actors() {
    auto host = std::make_shared<manager_host>();
    host->own = {.cluster = {7}, .member = {1}, .boot = {3}, .incarnation = 33};
    host->listener = listener.actor;
    host->counters = counters;
    host->start_link = [this](const peer_manager_actor&, member_id peer, hello_v1 hello,
                              const std::vector<std::string>& urls) -> peer_link_actor {
      EXPECT_EQ(hello.receiver, peer);
      if (urls.front() == "unusable")
        return {};
      links.push_back(std::make_unique<link_stand_in>(system));
      own(links.back()->actor);
      return links.back()->actor;
    };
    own(listener.actor);
    own(member.actor);
    manager = own(system.spawn(manager_behavior, std::shared_ptr<const manager_host>{host}));
  }

  ~peer_actors() override {
    // What was recorded holds actors.
    listener.all<raft::peer_table>().clear();
  }

  void configure(const std::map<member_id, std::string>& urls, std::set<member_id> removed = {},
                 bool committed = true) {
    configuration_changed changed;
    for (const auto& [id, url] : urls)
      changed.now.members[id].peer_urls = {url};
    changed.now.removed = std::move(removed);
    changed.committed = committed;
    send(manager, changed);
    run();
  }

  /// The newest table that the member got; empty if there is none.
  std::optional<std::map<member_id, raft::peer_handle>> table() {
    auto& tables = listener.all<raft::peer_table>();
    if (tables.empty())
      return std::nullopt;
    auto result = tables.back().peers;
    tables.clear();
    return result;
  }

  /// A connection that was accepted.
  peer_session_actor accept() {
    auto host = std::make_shared<session_host>();
    host->network = {.time = time,
                     .counters = counters,
                     .listener = listener.actor,
                     .manager = manager,
                     .refused = [this](member_id peer, hello_refusal reason, bool) {
                       refusals.emplace_back(peer, reason);
                     }};
    host->member = member.actor;
    host->wire = std::make_shared<wire>(-1, 1000);
    host->seat = room->enter("a");
    wires.push_back(host->wire);
    auto result = own(system.spawn(session_behavior, host));
    run();
    return result;
  }

  template <class Message>
  void say(const remote_link& from, const peer_session_actor& to, Message what) {
    caf::send_as(from.actor, to, std::move(what));
    run();
  }

  void pass(const peer_session_actor& session, std::chrono::milliseconds time_passed) {
    time->at += time_passed;
    send(session, tick{});
    run();
  }

  static hello_v1 hello_of(std::uint64_t id, std::uint64_t boot = 1) {
    return {.cluster = {7}, .member = {id}, .boot = {boot}, .incarnation = boot, .receiver = {1}};
  }

  static append append_of(std::uint64_t leader) {
    return {.term = {1}, .leader = {leader}};
  }

  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  std::shared_ptr<peer_counters> counters = std::make_shared<peer_counters>();
  std::shared_ptr<waiting_room> room = std::make_shared<waiting_room>(waiting_room::limits{});
  listener_stand_in listener{system};
  member_recorder member{system};
  std::vector<std::unique_ptr<link_stand_in>> links;
  std::vector<std::shared_ptr<wire>> wires;
  std::vector<std::pair<member_id, hello_refusal>> refusals;
  peer_manager_actor manager;
};

TEST_F(peer_actors, there_is_a_link_to_each_other_member_and_the_member_knows) {
  configure({{{1}, "a"}, {{2}, "b"}, {{3}, "c"}});
  auto first = table();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 2u);
  EXPECT_FALSE(first->contains({1}));
  configure({{{1}, "a"}, {{2}, "b"}, {{3}, "c"}});
  EXPECT_FALSE(table()) << "nothing has changed";
  configure({{{1}, "a"}, {{3}, "c"}});
  EXPECT_EQ(links[0]->all<end_peers>().size(), 1u);
  EXPECT_EQ(table()->size(), 1u);
}

TEST_F(peer_actors, another_url_means_another_link) {
  configure({{{2}, "b"}});
  auto before = table();
  configure({{{2}, "d"}});
  auto after = table();
  ASSERT_TRUE(before && after);
  EXPECT_NE(before->at({2}), after->at({2}));
  EXPECT_EQ(links[0]->all<end_peers>().size(), 1u);
  EXPECT_TRUE(links[1]->all<end_peers>().empty());
}

TEST_F(peer_actors, members_on_their_way_out_are_reached_until_they_are_out) {
  configuration_changed joint;
  joint.now.members[{2}].peer_urls = {"b"};
  joint.now.outgoing[{3}].peer_urls = {"c"};
  send(manager, joint);
  run();
  EXPECT_EQ(table()->size(), 2u);
}

TEST_F(peer_actors, a_member_without_a_usable_url_is_not_in_the_table) {
  configure({{{2}, "unusable"}, {{3}, "c"}});
  EXPECT_EQ(table()->size(), 1u);
}

TEST_F(peer_actors, nothing_counts_before_the_hello_and_everything_after_it) {
  remote_link remote{system};
  own(remote.actor);
  auto session = accept();
  say(remote, session, append_of(2));
  say(remote, session, ping_v1{1});
  EXPECT_TRUE(member.all<append>().empty());
  EXPECT_TRUE(remote.all<pong_v1>().empty());
  EXPECT_EQ(room->taken(), 1u);
  say(remote, session, hello_of(2));
  ASSERT_EQ(remote.all<hello_v1>().size(), 1u);
  EXPECT_EQ(remote.all<hello_v1>().front(), (hello_v1{peer_protocol, {7}, {1}, {3}, 33, {2}}));
  EXPECT_EQ(room->taken(), 0u) << "it is known who it is";
  say(remote, session, append_of(2));
  say(remote, session, ping_v1{2});
  EXPECT_EQ(member.all<append>().size(), 1u);
  EXPECT_EQ(remote.take<pong_v1>(), pong_v1{2});
}

TEST_F(peer_actors, only_the_one_who_said_hello_is_heard_and_only_in_its_own_name) {
  remote_link remote{system};
  remote_link other{system};
  own(remote.actor);
  own(other.actor);
  auto session = accept();
  say(remote, session, hello_of(2));
  say(other, session, append_of(2));
  send(session, append_of(2));
  run();
  say(remote, session, append_of(3));
  say(remote, session, request_vote{.term = {1}, .candidate = {1}});
  say(remote, session, append_reply{.term = {1}, .follower = {4}});
  EXPECT_TRUE(member.all<append>().empty() && member.all<request_vote>().empty()
              && member.all<append_reply>().empty());
  EXPECT_EQ(counters->of({2})->received_failures.value(), 3u);
  say(remote, session, forward_refused{});
  EXPECT_EQ(member.all<forward_refused>().size(), 1u) << "these name nobody";
}

TEST_F(peer_actors, a_refused_hello_is_answered_and_the_connection_ends_in_time) {
  remote_link remote{system};
  own(remote.actor);
  auto session = accept();
  auto foreign = hello_of(2);
  foreign.cluster = {8};
  say(remote, session, foreign);
  EXPECT_EQ(remote.take<hello_refused_v1>(), hello_refused_v1{hello_refusal::other_cluster});
  EXPECT_EQ(refusals, (decltype(refusals){{{2}, hello_refusal::other_cluster}}));
  say(remote, session, hello_of(2));
  say(remote, session, append_of(2));
  EXPECT_TRUE(member.all<append>().empty()) << "one hello for each connection";
  pass(session, 1s);
  EXPECT_TRUE(wires.back()->hung_up());
}

TEST_F(peer_actors, who_says_no_hello_or_nothing_any_more_is_hung_up_on) {
  auto silent = accept();
  pass(silent, 999ms);
  EXPECT_FALSE(wires.back()->hung_up());
  pass(silent, 1ms);
  EXPECT_TRUE(wires.back()->hung_up());
  remote_link remote{system};
  own(remote.actor);
  auto session = accept();
  say(remote, session, hello_of(2));
  for (int i = 0; i < 10; ++i) {
    wires.back()->receive(1);
    pass(session, 2s);
  }
  EXPECT_FALSE(wires.back()->hung_up());
  pass(session, 3s);
  EXPECT_TRUE(wires.back()->hung_up());
}

TEST_F(peer_actors, a_newer_connection_of_a_member_replaces_the_older) {
  remote_link first{system}, second{system};
  own(first.actor);
  own(second.actor);
  configure({{{2}, "b"}});
  auto older = accept();
  say(first, older, hello_of(2));
  auto newer = accept();
  say(second, newer, hello_of(2, 2));
  EXPECT_TRUE(wires[0]->hung_up());
  EXPECT_FALSE(wires[1]->hung_up());
  // What came before its end is not undone, and its older boot count is refused from now on.
  auto again = accept();
  remote_link third{system};
  own(third.actor);
  say(third, again, hello_of(2, 1));
  EXPECT_EQ(third.take<hello_refused_v1>(), hello_refused_v1{hello_refusal::older_boot});
  EXPECT_FALSE(wires[1]->hung_up());
}

TEST_F(peer_actors, a_link_that_failed_is_replaced_after_a_pause) {
  configure({{{2}, "b"}});
  auto before = table();
  caf::anon_send_exit(links[0]->actor, caf::exit_reason::kill);
  run();
  EXPECT_FALSE(table());
  sched.advance_time(1s);
  run();
  auto after = table();
  ASSERT_TRUE(before && after);
  EXPECT_NE(before->at({2}), after->at({2}));
  EXPECT_EQ(links.size(), 2u);
}

TEST_F(peer_actors, a_removal_counts_once_it_is_committed) {
  remote_link remote{system};
  own(remote.actor);
  configure({{{2}, "b"}});
  auto session = accept();
  say(remote, session, hello_of(2));
  configure({{{3}, "c"}}, {{2}}, false);
  EXPECT_FALSE(wires.back()->hung_up()) << "it may be undone";
  configure({{{3}, "c"}}, {{2}});
  EXPECT_TRUE(wires.back()->hung_up());
}

TEST_F(peer_actors, what_peers_say_first_arrives_as_it_was_sent) {
  auto expect_unchanged = [this](auto sent) {
    std::vector<char> bytes;
    caf::binary_serializer save{system, bytes};
    EXPECT_EQ(save(sent), caf::none);
    decltype(sent) received;
    caf::binary_deserializer load{system, bytes};
    EXPECT_EQ(load(received), caf::none);
    EXPECT_EQ(received, sent);
  };
  expect_unchanged(hello_v1{2, {3}, {4}, {5}, 6, {7}});
  expect_unchanged(hello_refused_v1{hello_refusal::removed});
  expect_unchanged(ping_v1{8});
  expect_unchanged(pong_v1{9});
}

TEST(peer_families, have_the_names_and_labels_of_etcd) {
  peer_counters counters;
  auto figures = counters.of({0xab});
  figures->sent_bytes.add(5);
  figures->received_failures.add(2);
  figures->active.set(1);
  figures->round_trip.observe(150us);
  metrics::family_writer to;
  write_peers(counters, {0x1}, to);
  auto families = to.take();
  auto sample = [&](const std::string& name) -> const prometheus::ClientMetric& {
    auto family = std::ranges::find(families, name, &prometheus::MetricFamily::name);
    EXPECT_NE(family, families.end()) << name;
    return family->metric.at(0);
  };
  const auto& sent = sample("etcd_network_peer_sent_bytes_total");
  EXPECT_EQ(sent.counter.value, 5);
  EXPECT_EQ(sent.label.at(0).name, "To");
  EXPECT_EQ(sent.label.at(0).value, "ab");
  const auto& failures = sample("etcd_network_peer_received_failures_total");
  EXPECT_EQ(failures.counter.value, 2);
  EXPECT_EQ(failures.label.at(0).name, "From");
  const auto& active = sample("etcd_network_active_peers");
  EXPECT_EQ(active.gauge.value, 1);
  EXPECT_EQ(active.label.at(0).value, "1");
  EXPECT_EQ(active.label.at(1).value, "ab");
  const auto& trips = sample("etcd_network_peer_round_trip_time_seconds").histogram;
  EXPECT_EQ(trips.bucket.at(0).cumulative_count, 0u);
  EXPECT_EQ(trips.bucket.at(1).cumulative_count, 1u);
  EXPECT_NEAR(trips.bucket.at(1).upper_bound, 0.0002, 1e-9);
}

} // namespace
} // namespace troupe::peer
