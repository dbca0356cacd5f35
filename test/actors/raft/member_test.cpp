#include "actors/raft/member.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <caf/scoped_actor.hpp>

namespace troupe::raft {

namespace {

constexpr member_id us{1};

core_config config_of(std::set<member_id> voters) {
  core_config result;
  result.id = us;
  result.voters = std::move(voters);
  return result;
}

class member_test : public test::actor_fixture {
protected:
  /// Launches a member with an empty log, and everything around it that the test plays itself.
  void launch(std::set<member_id> voters, recovered_state found = {}) {
    found.hard.boot = std::max(found.hard.boot, boot_count{1});
    member = own(spawn_member(system, {.core = config_of(voters), .found = found, .seed = 7}));
    handles out{.storage = own(storage.actor),
                .applier = own(applier.actor),
                .reader = own(reader.actor),
                .listener = own(listener.actor),
                .peers = {}};
    for (auto id : {member_id{2}, member_id{3}})
      if (voters.contains(id))
        out.peers[id] = own(peer.actor);
    send(member, out);
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
  test::recorder<request_vote, request_vote_reply, append, append_reply> peer{system};
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

} // namespace

} // namespace troupe::raft
