/// The rules of the peer network, by value.

#include "actors/peer/endpoint.hpp"
#include "actors/peer/hello_rules.hpp"
#include "actors/peer/link_core.hpp"
#include "actors/peer/newcomer.hpp"
#include "actors/peer/waiting_room.hpp"
#include "actors/peer/wire.hpp"

#include <array>
#include <gtest/gtest.h>

namespace troupe::peer {
namespace {

using namespace std::chrono_literals;

class hello_rules_test : public ::testing::Test {
protected:
  hello_rules_test() {
    rules.configured({{2}, {3}});
  }

  /// From member 2, as it should be.
  static hello_v1 good() {
    return {.protocol = peer_protocol,
            .cluster = {7},
            .member = {2},
            .boot = {5},
            .incarnation = 55,
            .receiver = {1}};
  }

  hello_rules rules{{.cluster = {7}, .member = {1}, .boot = {3}, .incarnation = 33}, {{{2}, {4}}}};
};

TEST_F(hello_rules_test, says_who_it_is_and_whom_it_means) {
  auto hello = rules.hello_to({2});
  EXPECT_EQ(hello, (hello_v1{peer_protocol, {7}, {1}, {3}, 33, {2}}));
}

TEST_F(hello_rules_test, accepts_a_member_again_and_with_a_higher_boot_count) {
  EXPECT_EQ(rules.judge(good(), {}), hello_refusal::none);
  EXPECT_EQ(rules.judge(good(), {2}), hello_refusal::none);
  auto later = good();
  later.boot = {6};
  later.incarnation = 66;
  EXPECT_EQ(rules.judge(later, {2}), hello_refusal::none);
}

TEST_F(hello_rules_test, refuses_another_cluster_receiver_protocol_and_id) {
  auto judged = [&](auto change) {
    auto hello = good();
    change(hello);
    return rules.judge(hello, {});
  };
  EXPECT_EQ(judged([](auto& x) { x.protocol = 2; }), hello_refusal::other_protocol);
  EXPECT_EQ(judged([](auto& x) { x.cluster = {8}; }), hello_refusal::other_cluster);
  EXPECT_EQ(judged([](auto& x) { x.receiver = {3}; }), hello_refusal::other_receiver);
  EXPECT_EQ(judged([](auto& x) { x.member = {1}; }), hello_refusal::bad_id);
  EXPECT_EQ(judged([](auto& x) { x.member = {}; }), hello_refusal::bad_id);
}

TEST_F(hello_rules_test, refuses_whoever_answers_in_place_of_the_member_that_was_meant) {
  EXPECT_EQ(rules.judge(good(), {3}), hello_refusal::other_receiver);
}

TEST_F(hello_rules_test, refuses_a_removed_member_for_good) {
  rules.removed({{2}});
  rules.removed({});
  EXPECT_EQ(rules.judge(good(), {}), hello_refusal::removed);
}

// Checklist 36: it promised more than it has.
TEST_F(hello_rules_test, refuses_a_boot_count_below_the_highest_seen) {
  auto older = good();
  older.boot = {3};
  EXPECT_EQ(rules.judge(older, {}), hello_refusal::older_boot) << "below what the state knew";
  EXPECT_EQ(rules.judge(good(), {}), hello_refusal::none);
  older.boot = {4};
  EXPECT_EQ(rules.judge(older, {}), hello_refusal::older_boot);
  EXPECT_EQ(rules.judge(good(), {}), hello_refusal::none) << "a refusal changes nothing";
}

TEST_F(hello_rules_test, refuses_a_second_process_with_the_same_boot_count) {
  EXPECT_EQ(rules.judge(good(), {}), hello_refusal::none);
  auto twin = good();
  twin.incarnation = 56;
  EXPECT_EQ(rules.judge(twin, {}), hello_refusal::second_process);
  EXPECT_EQ(rules.judge(good(), {}), hello_refusal::none);
}

TEST_F(hello_rules_test, takes_in_who_is_not_configured_yet_and_remembers_nothing_of_it) {
  auto unknown = good();
  unknown.member = {4};
  unknown.boot = {9};
  EXPECT_EQ(rules.judge(unknown, {}), hello_refusal::none);
  unknown.boot = {1};
  EXPECT_EQ(rules.judge(unknown, {}), hello_refusal::none);
}

TEST_F(hello_rules_test, a_boot_count_from_the_state_names_no_process) {
  auto known = good();
  known.boot = {4};
  EXPECT_EQ(rules.judge(known, {}), hello_refusal::none);
}

class link_core_test : public ::testing::Test {
protected:
  link_core::step tick(std::chrono::milliseconds passed, bool progressed = false) {
    now += passed;
    return core.on_tick(now, progressed);
  }

  void bring_up() {
    ASSERT_TRUE(tick(10s).dial);
    core.connected(now);
    ASSERT_EQ(core.greeted(now).reachable, true);
  }

  link_timing timing;
  link_core core{timing, 1600, 1};
  time_point now{1h};
};

TEST_F(link_core_test, dials_greets_and_is_up) {
  EXPECT_TRUE(tick(0ms).dial);
  EXPECT_FALSE(tick(1s).dial) << "one attempt at a time";
  core.connected(now);
  EXPECT_FALSE(core.up()) << "nothing counts before the hello";
  auto step = core.greeted(now);
  EXPECT_EQ(step.reachable, true);
  EXPECT_TRUE(step.ping);
  EXPECT_TRUE(core.up());
}

TEST_F(link_core_test, pauses_grow_to_a_bound_with_a_random_part_and_start_anew_once_it_was_up) {
  auto pause = [&] {
    auto before = now;
    while (!tick(1ms).dial) {
    }
    core.failed(now);
    return now - before;
  };
  pause();
  auto longest = 0ns;
  for (int i = 0; i < 10; ++i)
    longest = std::max<std::chrono::nanoseconds>(longest, pause());
  EXPECT_GT(longest, timing.pause_most / 2);
  EXPECT_LE(longest, timing.pause_most + 1ms);
  bring_up();
  core.failed(now);
  EXPECT_LE(pause(), timing.pause_least + 1ms);
}

TEST_F(link_core_test, a_greeting_that_takes_too_long_is_given_up) {
  tick(0ms);
  core.connected(now);
  EXPECT_FALSE(tick(timing.greeting - 1ms).hang_up);
  auto step = tick(1ms);
  EXPECT_TRUE(step.hang_up);
  EXPECT_FALSE(step.reachable) << "it never was";
}

TEST_F(link_core_test, silence_ends_the_connection) {
  bring_up();
  EXPECT_TRUE(tick(timing.ping_interval).ping);
  EXPECT_FALSE(tick(timing.silence - timing.ping_interval - 1ms).hang_up);
  auto step = tick(1ms);
  EXPECT_TRUE(step.hang_up);
  EXPECT_EQ(step.reachable, false);
}

TEST_F(link_core_test, a_pong_is_a_sign_of_life_and_tells_the_round_trip) {
  bring_up();
  auto ping = tick(timing.ping_interval).ping;
  ASSERT_TRUE(ping);
  now += 7ms;
  EXPECT_EQ(core.pong(now, *ping), 7ms);
  EXPECT_FALSE(core.pong(now, *ping)) << "an answer counts once";
  EXPECT_FALSE(tick(timing.silence - 1ms).hang_up);
}

TEST_F(link_core_test, a_large_message_on_its_way_is_a_sign_of_life) {
  bring_up();
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(tick(timing.silence / 2, true).hang_up);
  EXPECT_TRUE(tick(timing.silence).hang_up);
}

TEST_F(link_core_test, passes_on_what_the_other_end_confirms_and_drops_the_rest) {
  EXPECT_FALSE(core.pass(now, 1)) << "not up";
  bring_up();
  EXPECT_FALSE(core.pass(now, 99)->ping);
  auto ping = core.pass(now, 1)->ping;
  ASSERT_TRUE(ping) << "after a sixteenth of what may be on its way";
  EXPECT_TRUE(core.pass(now, 1'500)) << "there is room for one byte";
  EXPECT_FALSE(core.pass(now, 1));
  EXPECT_TRUE(core.pong(now, *ping));
  EXPECT_TRUE(core.pass(now, 100));
  EXPECT_FALSE(core.pass(now, 1));
}

TEST_F(link_core_test, what_was_on_its_way_is_forgotten_with_the_connection) {
  bring_up();
  core.pass(now, 5'000);
  EXPECT_FALSE(core.pass(now, 1));
  core.failed(now);
  bring_up();
  EXPECT_TRUE(core.pass(now, 1));
}

TEST_F(link_core_test, who_is_refused_waits_longer) {
  tick(0ms);
  core.connected(now);
  EXPECT_TRUE(core.refused(now).hang_up);
  EXPECT_FALSE(tick(timing.refused_pause - 1ms).dial);
  EXPECT_TRUE(tick(1ms).dial);
}

TEST(waiting_room, has_bounds_and_frees_places) {
  auto room = std::make_shared<waiting_room>(waiting_room::limits{.in_total = 3, .per_address = 2});
  auto first = room->enter("a");
  auto second = room->enter("a");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(room->enter("a")) << "an address has taken all it may have";
  auto third = room->enter("b");
  EXPECT_TRUE(room->full());
  EXPECT_FALSE(room->enter("c"));
  first.reset();
  EXPECT_FALSE(room->full());
  EXPECT_TRUE(room->enter("a"));
  EXPECT_EQ(room->taken(), 2u) << "that one left at once";
}

TEST(newcomer, only_a_clients_handshake_opens_a_connection) {
  std::array<unsigned char, header_bytes> header{1};
  header[7] = 40;
  EXPECT_TRUE(opens_a_connection(header));
  header[5] = 1;
  EXPECT_FALSE(opens_a_connection(header)) << "a payload of 64 KiB";
  header[5] = 0;
  header[7] = 0;
  EXPECT_FALSE(opens_a_connection(header)) << "no payload";
  header[7] = 40;
  for (int operation : {0, 2, 3, 4, 5, 6, 255}) {
    header[0] = static_cast<unsigned char>(operation);
    EXPECT_FALSE(opens_a_connection(header)) << operation;
  }
}

TEST(wire, knows_its_backlog_and_refuses_what_is_too_large) {
  wire it{-1, 100};
  it.queue(70);
  it.send(30);
  EXPECT_EQ(it.backlog(), 40u);
  EXPECT_TRUE(it.admit(100));
  EXPECT_FALSE(it.hung_up());
  EXPECT_FALSE(it.admit(101));
  EXPECT_TRUE(it.hung_up());
}

TEST(endpoint, reads_what_etcd_takes_as_a_peer_url) {
  EXPECT_EQ(parse_endpoint("http://10.0.0.1:2380"), (endpoint{{"10.0.0.1", 2380}, false}));
  EXPECT_EQ(parse_endpoint("https://node-1.example:2380/"),
            (endpoint{{"node-1.example", 2380}, true}));
  EXPECT_EQ(parse_endpoint("http://[::1]:1"), (endpoint{{"::1", 1}, false}));
  for (const auto* bad :
       {"", "http://", "10.0.0.1:2380", "unix://a:1", "http://a", "http://a:0", "http://a:65536",
        "http://a:1x", "http://:1", "http://a/b:1", "http://::1:2380", "http://[]:1"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

} // namespace
} // namespace troupe::peer
