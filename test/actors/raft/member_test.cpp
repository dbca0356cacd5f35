#include "actors/raft/member.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

constexpr member_id us{1};
constexpr member_id second{2};
constexpr member_id third{3};

/// Entries behind `index`, one for each term.
std::vector<entry> log_after(std::uint64_t index, const std::vector<std::uint64_t>& terms) {
  std::vector<entry> result;
  for (auto term : terms)
    result.push_back({.id = {{term}, {++index}}, .payload = {}});
  return result;
}

configuration members_of(const std::set<member_id>& voters) {
  configuration result;
  for (auto id : voters)
    result.members[id] = {};
  return result;
}

class member_test : public test::actor_fixture {
protected:
  /// Launches a member with an empty log, and everything around it that the test plays itself.
  void launch(std::set<member_id> voters, recovered_state found = {}) {
    found.hard.boot = std::max(found.hard.boot, boot_count{1});
    if (found.membership.members.empty())
      found.membership = members_of(voters);
    member = own(spawn_member(system, {.core = {.id = us}, .found = found, .seed = 7}));
    handles out{.storage = own(storage.actor),
                .applier = own(applier.actor),
                .reader = own(reader.actor),
                .listener = own(listener.actor),
                .transfers = own(transfers.actor),
                .peers = own(links.actor),
                .snapshots = {}};
    raft::peer_table table;
    for (auto id : {second, third})
      if (voters.contains(id))
        table.peers[id] = own(peer.actor);
    send(member, out);
    send(member, table);
    run();
  }

  /// Says that every write so far is on disk.
  void persist_all() {
    for (auto& batch : storage.all<persist>()) {
      if (!batch.entries.empty())
        last = batch.entries.back().id;
      send(member, persisted{batch.batch, last});
    }
    storage.all<persist>().clear();
    run();
  }

  void lead_alone() {
    launch({us});
    send(member, tick{});
    run();
    persist_all(); // the vote
    persist_all(); // the entry that opens the term
  }

  raft_status status() {
    auto& seen = listener.all<raft_status>();
    return seen.empty() ? raft_status{} : seen.back();
  }

  test::recorder<persist, release_log> storage{system};
  test::recorder<committed, propose_refused> applier{system};
  test::recorder<read_index_reply> reader{system};
  test::recorder<raft_status> listener{system};
  test::recorder<transfer_reply> transfers{system};
  test::recorder<configuration_changed> links{system};
  test::recorder<request_vote, request_vote_reply, append, append_reply, timeout_now,
                 forward_propose, forward_refused, forward_read, forward_read_reply>
    peer{system};
  member_actor member;
  entry_id last;
};

TEST_F(member_test, an_only_voter_elects_itself_once_its_vote_is_on_disk) {
  launch({us});
  EXPECT_TRUE(storage.all<persist>().empty());
  send(member, tick{});
  run();
  ASSERT_EQ(storage.all<persist>().size(), 1u);
  EXPECT_EQ(storage.all<persist>().front().state->voted_for, us);
  EXPECT_EQ(status().role, raft_role::candidate);
  persist_all();
  EXPECT_EQ(status().role, raft_role::leader);
}

TEST_F(member_test, a_proposal_reaches_the_applier_once_it_is_on_disk) {
  lead_alone();
  applier.all<committed>().clear();
  send(member, propose{{{.counter = 5, .payload = blob{"x"}}}});
  run();
  EXPECT_TRUE(applier.all<committed>().empty());
  persist_all();
  auto done = applier.take<committed>();
  ASSERT_TRUE(done);
  ASSERT_EQ(done->entries.size(), 1u);
  EXPECT_EQ(done->entries[0].origin, (entry_origin{us, boot_count{1}, 5}));
  EXPECT_EQ(done->entries[0].payload.view(), "x");
}

TEST_F(member_test, a_vote_answer_does_not_leave_before_it_is_on_disk) {
  launch({us, second, third});
  send(member, request_vote{.term = {2}, .candidate = second});
  run();
  auto write = storage.take<persist>();
  ASSERT_TRUE(write);
  EXPECT_EQ(write->state->voted_for, second);
  EXPECT_TRUE(peer.all<request_vote_reply>().empty());
  send(member, persisted{write->batch, {}});
  run();
  auto reply = peer.take<request_vote_reply>();
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->granted);
}

TEST_F(member_test, a_follower_refuses_proposals_towards_the_applier) {
  launch({us, second, third});
  send(member, propose{{{.counter = 5, .payload = {}}, {.counter = 6, .payload = {}}}});
  run();
  auto refused = applier.take<propose_refused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->counters, (std::vector<std::uint64_t>{5, 6}));
  EXPECT_EQ(refused->reason, errc::no_leader);
  EXPECT_TRUE(storage.all<persist>().empty());
}

TEST_F(member_test, reads_are_answered_towards_the_reader) {
  lead_alone();
  send(member, read_index_request{9});
  run();
  auto reply = reader.take<read_index_reply>();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->round, 9u);
  EXPECT_EQ(reply->error, errc::none);
  EXPECT_EQ(reply->index, log_index{1});
}

TEST_F(member_test, storage_may_release_what_the_state_machine_has_flushed) {
  lead_alone();
  send(member, applied{{{1}, {1}}, {}});
  run();
  EXPECT_FALSE(storage.take<release_log>()) << "applied is not flushed";
  send(member, applied{{{1}, {1}}, {{1}, {1}}});
  send(member, applied{{{1}, {1}}, {{1}, {1}}});
  run();
  ASSERT_EQ(storage.all<release_log>().size(), 1u) << "told once";
  EXPECT_EQ(storage.take<release_log>()->upto, (entry_id{{1}, {1}}));
}

TEST_F(member_test, what_comes_before_the_handles_waits_for_the_first_role) {
  member =
    own(spawn_member(system, {.core = {.id = us},
                              .found = {.hard = {.boot = {1}}, .membership = members_of({us})}}));
  send(member, propose{{{.counter = 5, .payload = {}}}});
  send(member, tick{});
  run();
  send(member, handles{.storage = own(storage.actor),
                       .applier = own(applier.actor),
                       .reader = {},
                       .listener = own(listener.actor)});
  run();
  EXPECT_EQ(applier.all<propose_refused>().size(), 1u);
  EXPECT_EQ(status().role, raft_role::candidate);
}

TEST_F(member_test, starts_from_what_was_recovered) {
  recovered_state found{.hard = {.term = {3}, .voted_for = us, .boot = {2}, .commit = {2}},
                        .before_first = {{1}, {1}},
                        .entries = log_after(1, {2, 3, 3}),
                        .applied = {{1}, {1}}};
  launch({us}, found);
  // Known to be committed and on disk: no leader is needed to apply it.
  ASSERT_EQ(applier.all<committed>().size(), 1u);
  EXPECT_EQ(applier.take<committed>()->entries.back().id, (entry_id{{2}, {2}}));
  last = {{3}, {4}};
  send(member, tick{});
  run();
  persist_all();
  persist_all();
  auto rest = applier.take<committed>();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->entries.front().id, (entry_id{{3}, {3}}));
  EXPECT_EQ(rest->entries.back().id, (entry_id{{4}, {5}}));
}

TEST_F(member_test, an_error_ends_member_and_role) {
  launch({us});
  const auto before = system.registry().running();
  caf::error reason;
  caf::actor_cast<caf::strong_actor_ptr>(member)->get()->attach_functor(
    [&](const caf::error& why) { reason = why; });
  // Storage cannot have written what was never asked for.
  send(member, persisted{99, {}});
  run();
  EXPECT_EQ(reason, errc::internal) << system.render(reason);
  EXPECT_EQ(system.registry().running(), before - 2);
}

TEST_F(member_test, one_proposal_of_many_shares_its_write_with_all) {
  lead_alone();
  send(member, propose{{{.counter = 1, .payload = {}}, {.counter = 2, .payload = {}}}});
  run();
  ASSERT_EQ(storage.all<persist>().size(), 1u);
  EXPECT_EQ(storage.all<persist>()[0].entries.size(), 2u);
}

TEST_F(member_test, forwards_payloads_without_a_copy) {
  lead_alone();
  blob payload{std::string(1000, 'x')};
  send(member, propose{{{.counter = 1, .payload = payload}}});
  run();
  EXPECT_EQ(storage.all<persist>()[0].entries[0].payload.view().data(), payload.view().data());
}

TEST_F(member_test, its_links_hear_of_the_configuration_at_the_start_and_of_each_change) {
  launch({us, second, third});
  ASSERT_EQ(links.all<configuration_changed>().size(), 1u);
  EXPECT_EQ(links.take<configuration_changed>()->now, members_of({us, second, third}));
  const auto smaller = members_of({us, second});
  const entry change{
    .id = {{1}, {1}}, .kind = entry_kind::configuration, .payload = encode(smaller)};
  send(member, append{.term = {1}, .leader = second, .prev = {}, .entries = {change}});
  run();
  EXPECT_EQ(links.take<configuration_changed>(), (configuration_changed{smaller, {1}, false}));
}

TEST_F(member_test, new_ways_to_its_peers_count_for_this_role_and_the_next) {
  launch({us, second, third});
  test::recorder<request_vote, request_vote_reply, append, append_reply, timeout_now,
                 forward_propose, forward_refused, forward_read, forward_read_reply>
    elsewhere{system};
  send(member, peer_table{{{second, own(elsewhere.actor)}}});
  for (int i = 0; i < 20; ++i)
    send(member, tick{});
  run();
  ASSERT_FALSE(elsewhere.all<request_vote>().empty());
  EXPECT_TRUE(elsewhere.all<request_vote>().front().pre);
  EXPECT_TRUE(peer.all<request_vote>().empty());
}

TEST_F(member_test, a_follower_hands_proposals_and_reads_to_its_leader) {
  launch({us, second, third});
  send(member, append{.term = {1}, .leader = second});
  send(member, propose{{{.counter = 5, .payload = blob{"x"}}}});
  send(member, read_index_request{6});
  run();
  ASSERT_EQ(peer.all<forward_propose>().size(), 1u);
  EXPECT_EQ(peer.all<forward_propose>()[0].proposals[0].counter, 5u);
  EXPECT_EQ(peer.take<forward_read>(), (forward_read{us, {1}, 6}));
  send(member, forward_refused{{1}, {5}, errc::too_many_requests});
  send(member, forward_read_reply{{1}, 6, errc::none, {3}});
  run();
  EXPECT_EQ(applier.take<propose_refused>()->counters, (std::vector<std::uint64_t>{5}));
  EXPECT_EQ(reader.take<read_index_reply>()->index, log_index{3});
}

TEST_F(member_test, a_member_in_no_configuration_learns) {
  launch({second, third});
  EXPECT_EQ(status().role, raft_role::learner);
  send(member, transfer_leadership{4, second});
  run();
  EXPECT_EQ(transfers.take<transfer_reply>(), (transfer_reply{4, errc::not_leader}));
}

} // namespace

} // namespace troupe::raft
