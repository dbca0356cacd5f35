/// Whole peer networks in one process, over the loopback.

#include "test/actors/peer/certificates.hpp"
#include "test/actors/peer/member_stand_in.hpp"
#include "test/actors/peer/raw_client.hpp"

#include <algorithm>
#include <caf/binary_serializer.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/node_id.hpp>
#include <gtest/gtest.h>
#include <random>
#include <sys/resource.h>

namespace troupe::peer {
namespace {

using namespace std::chrono_literals;

append append_of(const member_stand_in& leader, std::size_t bytes = 0) {
  append result{.term = {1}, .leader = leader.id()};
  if (bytes > 0)
    result.entries.push_back({.id = {{1}, {1}}, .payload = blob{std::string(bytes, 'x')}});
  return result;
}

auto appends_from(member_id leader, std::size_t count) {
  return [=](const heard& x) {
    auto theirs = std::ranges::count(x.appends, leader, &append::leader);
    return static_cast<std::size_t>(theirs) >= count;
  };
}

auto refused(member_id peer, hello_refusal reason, bool by_peer) {
  return [=](const heard& x) {
    return std::ranges::count(x.refusals, std::tuple{peer, reason, by_peer}) > 0;
  };
}

/// One message of CAF's protocol.
std::string frame(caf::io::basp::message_type type, const std::string& payload,
                  std::uint32_t claimed, caf::actor_id receiver = 0) {
  caf::io::basp::header header{type, 0, claimed, 0, 0, receiver};
  std::vector<char> bytes;
  caf::binary_serializer sink{nullptr, bytes};
  EXPECT_FALSE(sink(header));
  return std::string{bytes.begin(), bytes.end()} + payload;
}

/// The handshake of a well-behaved client, as another process would send it.
std::string client_handshake() {
  caf::node_id::default_data::host_id_type host;
  host.fill(42);
  auto node = caf::make_node_id(4242, host);
  std::vector<char> bytes;
  caf::binary_serializer sink{nullptr, bytes};
  EXPECT_FALSE(sink(node));
  std::string payload{bytes.begin(), bytes.end()};
  return frame(caf::io::basp::message_type::client_handshake, payload,
               static_cast<std::uint32_t>(payload.size()));
}

TEST(peer_network, carries_messages_both_ways_between_all_members) {
  member_stand_in one{1}, two{2}, three{3};
  introduce({&one, &two, &three});
  std::vector<member_stand_in*> all{&one, &two, &three};
  for (auto* from : all)
    for (auto* to : all)
      if (from != to) {
        ASSERT_TRUE(from->await_link(to->id()));
        from->say(to->id(), append_of(*from, 1000));
        EXPECT_TRUE(to->await(appends_from(from->id(), 1)));
      }
  auto figures = one.counters()->of({2});
  EXPECT_EQ(figures->active.value(), 1);
  EXPECT_GT(figures->round_trip.sum(), 0u);
}

TEST(peer_network, every_message_between_members_arrives_as_it_was_sent) {
  member_stand_in one{1}, two{2};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}));
  request_vote vote{.term = {9}, .candidate = {1}, .last = {{8}, {7}}, .pre = true};
  one.say({2}, vote);
  one.say({2}, request_vote_reply{.term = {9}, .voter = {1}});
  one.say({2}, append_reply{.term = {9}, .follower = {1}});
  one.say({2}, timeout_now{.term = {9}, .leader = {1}});
  one.say({2}, forward_propose{.from = {1}});
  one.say({2}, forward_refused{});
  one.say({2}, forward_read{.from = {1}});
  one.say({2}, forward_read_reply{});
  EXPECT_TRUE(two.await([](const heard& x) { return x.others == 7 && x.votes.size() == 1; }));
  EXPECT_EQ(two.now().votes.front(), vote);
}

TEST(peer_network, a_message_in_another_members_name_is_dropped) {
  member_stand_in one{1}, two{2};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link(two.id()));
  one.say(two.id(), append{.term = {1}, .leader = {3}});
  one.say(two.id(), request_vote{.term = {1}, .candidate = {2}});
  one.say(two.id(), append_of(one));
  ASSERT_TRUE(two.await(appends_from(one.id(), 1)));
  EXPECT_EQ(two.now().appends.size(), 1u);
  EXPECT_TRUE(two.now().votes.empty());
  EXPECT_EQ(two.counters()->of({1})->received_failures.value(), 2u);
}

TEST(peer_network, a_peer_that_comes_back_is_reached_again) {
  member_stand_in one{1};
  auto two = std::make_unique<member_stand_in>(2);
  auto port = two->port();
  introduce({&one, two.get()});
  ASSERT_TRUE(one.await_link({2}));
  two.reset();
  ASSERT_TRUE(one.await([](const heard& x) { return x.lost.contains({2}); }, 5s));
  two = std::make_unique<member_stand_in>(2, [&](peer_config& config) {
    config.listen = {{"127.0.0.1", port}};
    config.own.boot = {2};
    config.own.incarnation = 22;
  });
  auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(one.await_link({2}));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  one.say({2}, append_of(one));
  EXPECT_TRUE(two->await(appends_from(one.id(), 1)));
}

// Checklist 35: both sides refuse, and nothing of what is said counts.
TEST(peer_network, another_cluster_is_refused_by_both) {
  member_stand_in one{1};
  member_stand_in foreign{2, [](peer_config& config) { config.own.cluster = {8}; }};
  introduce({&one, &foreign});
  EXPECT_TRUE(one.await(refused({2}, hello_refusal::other_cluster, false)));
  EXPECT_TRUE(foreign.await(refused({1}, hello_refusal::other_cluster, true)));
  one.say({2}, append_of(one));
  foreign.say({1}, append_of(foreign));
  EXPECT_FALSE(one.now().reaches({2}) || foreign.now().reaches({1}));
  EXPECT_TRUE(one.now().appends.empty() && foreign.now().appends.empty());
}

TEST(peer_network, a_member_at_anothers_address_is_refused) {
  member_stand_in one{1}, two{2};
  one.configure({{{3}, {two.url()}}});
  EXPECT_TRUE(one.await(refused({3}, hello_refusal::other_receiver, true)));
  EXPECT_FALSE(one.now().reaches({3}));
}

TEST(peer_network, a_member_that_is_given_its_own_address_is_refused) {
  member_stand_in one{1};
  one.configure({{{2}, {one.url()}}});
  EXPECT_TRUE(one.await([](const heard& x) { return !x.refusals.empty(); }));
  EXPECT_FALSE(one.now().reaches({2}));
}

TEST(peer_network, a_removed_member_is_sent_away_and_told_so) {
  member_stand_in one{1}, two{2};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}) && two.await_link({1}));
  one.configure({{{1}, {one.url()}}}, {{2}});
  EXPECT_TRUE(two.await([](const heard& x) { return x.lost.contains({1}); }));
  EXPECT_TRUE(two.await(refused({1}, hello_refusal::removed, true)));
  EXPECT_TRUE(one.await([](const heard& x) { return x.table.empty(); }));
}

// Checklist 36.
TEST(peer_network, an_older_data_directory_is_recognised_also_after_the_own_restart) {
  member_stand_in one{1, [](peer_config& config) { config.known_boots = {{{2}, {5}}}; }};
  member_stand_in two{2, [](peer_config& config) { config.own.boot = {4}; }};
  introduce({&one, &two});
  EXPECT_TRUE(two.await(refused({1}, hello_refusal::older_boot, true)));
  EXPECT_TRUE(one.await(refused({2}, hello_refusal::older_boot, false)));
  EXPECT_FALSE(one.now().reaches({2}) || two.now().reaches({1}));
}

TEST(peer_network, a_copy_of_a_member_is_refused_and_the_first_stays) {
  member_stand_in one{1}, two{2};
  introduce({&one, &two});
  ASSERT_TRUE(two.await_link({1}) && one.await_link({2}));
  member_stand_in copy{2, [](peer_config& config) { config.own.incarnation = 99; }};
  copy.configure({{{1}, {one.url()}}});
  EXPECT_TRUE(copy.await(refused({1}, hello_refusal::second_process, true)));
  EXPECT_FALSE(copy.now().reaches({1}));
  EXPECT_TRUE(two.now().reaches({1}));
}

TEST(peer_network, a_new_address_replaces_the_link) {
  member_stand_in one{1}, two{2};
  one.configure({{{1}, {one.url()}}, {{2}, {"http://127.0.0.1:1"}}});
  ASSERT_TRUE(one.await([](const heard& x) { return x.table.size() == 1; }));
  EXPECT_FALSE(one.await_link({2}, 100ms));
  introduce({&one, &two});
  EXPECT_TRUE(one.await_link({2}));
}

TEST(peer_network, one_peer_that_cannot_be_reached_delays_neither_others_nor_the_end) {
  silent_listener silent;
  auto one =
    std::make_unique<member_stand_in>(1, [](peer_config& config) { config.dial_patience = 60s; });
  member_stand_in two{2};
  one->configure({{{9}, {"http://" + to_string(silent.where())}},
                  {{8}, {"http://127.0.0.1:1"}},
                  {{2}, {two.url()}}});
  two.configure({{{1}, {one->url()}}});
  EXPECT_TRUE(one->await_link({2}, 5s));
  one->say({2}, append_of(*one));
  EXPECT_TRUE(two.await(appends_from({1}, 1), 5s));
  auto began = std::chrono::steady_clock::now();
  one.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST(peer_network, a_message_above_the_limit_ends_the_connection_and_costs_no_memory) {
  member_stand_in one{1}, two{2, [](peer_config&config) { config.max_message_bytes = 100'000; }};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}));
  one.say({2}, append_of(one, 90'000));
  EXPECT_TRUE(two.await(appends_from({1}, 1)));
  one.say({2}, append_of(one, 110'000));
  EXPECT_TRUE(one.await([](const heard& x) { return x.lost.contains({2}); }));
  EXPECT_TRUE(one.await([](const heard& x) { return x.found.at({2}) == 2; }));
  EXPECT_EQ(two.now().appends.size(), 1u);
}

// Without the limit CAF allocates and clears what was announced, in the thread of all peers.
TEST(peer_network, whoever_announces_gigabytes_is_disconnected) {
  member_stand_in one{1}, two{2};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}));
  auto before = peak_memory_bytes();
  for (int i = 0; i < 20; ++i) {
    auto client = connect_to(two.port());
    say(client, client_handshake()
                  + frame(caf::io::basp::message_type::direct_message, "", 0xf000'0000U, 1));
    EXPECT_TRUE(is_closed(client));
  }
  EXPECT_LT(peak_memory_bytes() - before, 64U << 20);
  EXPECT_FALSE(one.now().lost.contains({2}));
}

TEST(peer_network, who_says_no_hello_is_sent_away) {
  member_stand_in one{1};
  auto client = connect_to(one.port());
  say(client, client_handshake());
  EXPECT_FALSE(is_closed(client, 500ms)) << "it began as a peer does";
  EXPECT_TRUE(is_closed(client, 5s));
}

TEST(peer_network, a_thousand_clients_do_not_disturb_those_that_know_each_other) {
  raise_descriptor_limit();
  auto patient = [](peer_config& config) { config.timing.silence = 3s; };
  member_stand_in one{1, patient}, two{2, patient};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}) && two.await_link({1}));
  auto memory = peak_memory_bytes();
  std::vector<unique_socket> clients;
  std::mt19937 random{7};
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(connect_to(two.port()));
    switch (i % 4) {
    case 0:
      break;
    case 1:
      say(clients.back(), "\1");
      break;
    case 2:
      say(clients.back(), random_bytes(random, 100));
      break;
    default:
      say(clients.back(), client_handshake() + random_bytes(random, 100));
    }
    if (i % 50 == 0)
      one.say({2}, append_of(one, 1000));
  }
  EXPECT_TRUE(two.await(appends_from({1}, 20), 2s));
  std::this_thread::sleep_for(1200ms);
  EXPECT_TRUE(one.now().lost.empty() && two.now().lost.empty());
  EXPECT_LT(peak_memory_bytes() - memory, 64U << 20);
  for (const auto& client : clients)
    EXPECT_TRUE(is_closed(client, 5s));
}

// --- TLS

class secured_network : public ::testing::Test {
protected:
  auto with(const certificate_files& files, std::filesystem::path crl = {}) {
    return [=, this](peer_config& config) {
      config.tls = tls::tls_options{
        .certificate = files.certificate, .key = files.key, .ca = authority.file(), .crl = crl};
    };
  }

  temp_directory directory;
  certificate_authority authority{directory.path};
};

TEST_F(secured_network, carries_large_messages_both_ways) {
  member_stand_in one{1, with(authority.issue())}, two{2, with(authority.issue())};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}) && two.await_link({1}));
  for (int i = 0; i < 5; ++i) {
    one.say({2}, append_of(one, 1'000'000));
    two.say({1}, append_of(two, 1'000'000));
  }
  EXPECT_TRUE(one.await(appends_from({2}, 5)));
  EXPECT_TRUE(two.await(appends_from({1}, 5)));
  EXPECT_TRUE(one.now().lost.empty() && two.now().lost.empty());
}

TEST_F(secured_network, failed_handshakes_do_not_harm_a_link) {
  member_stand_in one{1, with(authority.issue())}, two{2, with(authority.issue())};
  introduce({&one, &two});
  ASSERT_TRUE(one.await_link({2}) && two.await_link({1}));
  certificate_authority other{directory.path / "other"};
  auto foreign = other.issue();
  member_stand_in stranger{3, [&](peer_config& config) {
                             config.tls = tls::tls_options{.certificate = foreign.certificate,
                                                           .key = foreign.key,
                                                           .ca = authority.file()};
                           }};
  stranger.configure({{{2}, {two.url()}}});
  for (int i = 0; i < 10; ++i) {
    auto client = connect_to(two.port());
    say(client, "GET / HTTP/1.1\r\nHost: troupe\r\n\r\n......");
    EXPECT_TRUE(is_closed(client));
    one.say({2}, append_of(one));
  }
  EXPECT_TRUE(two.await(appends_from({1}, 10)));
  EXPECT_FALSE(stranger.await_link({2}, 300ms));
  EXPECT_TRUE(one.now().lost.empty() && two.now().lost.empty());
}

TEST_F(secured_network, a_member_whose_certificate_is_revoked_is_not_let_in_again) {
  auto files = authority.issue();
  auto list = authority.revoke("crl.pem", {});
  member_stand_in one{1, with(authority.issue(), list)};
  auto two = std::make_unique<member_stand_in>(2, with(files));
  two->configure({{{1}, {one.url()}}});
  ASSERT_TRUE(two->await_link({1}));
  two.reset();
  authority.revoke("crl.pem", {files.serial});
  ASSERT_FALSE(one.network().reload_certificates());
  two = std::make_unique<member_stand_in>(2, with(files));
  two->configure({{{1}, {one.url()}}});
  EXPECT_FALSE(two->await_link({1}, 500ms));
}

TEST_F(secured_network, a_plain_url_is_not_reached_over_tls_nor_the_other_way) {
  member_stand_in secured{1, with(authority.issue())}, plain{2};
  secured.configure({{{2}, {"https://127.0.0.1:" + std::to_string(plain.port())}}});
  plain.configure({{{1}, {"http://127.0.0.1:" + std::to_string(secured.port())}}});
  EXPECT_FALSE(secured.await_link({2}, 500ms));
  EXPECT_FALSE(plain.now().reaches({1}));
}

} // namespace
} // namespace troupe::peer
