#include "test/actors/recipe/recipe_fixture.hpp"

namespace troupe::recipe {
namespace {

class election_test : public recipe_fixture {
protected:
  election_test() {
    service.leases = {1, 2, 3};
  }

  int proclaim(const v3electionpb::LeaderKey& leader, const std::string& value) {
    v3electionpb::ProclaimRequest request;
    *request.mutable_leader() = leader;
    request.set_value(value);
    return begin(rpc_method::election_proclaim, request);
  }

  int resign(const v3electionpb::LeaderKey& leader) {
    v3electionpb::ResignRequest request;
    *request.mutable_leader() = leader;
    return begin(rpc_method::election_resign, request);
  }

  v3electionpb::LeaderKey elected(int call) {
    return answer<v3electionpb::CampaignResponse>(call).leader();
  }
};

TEST_F(election_test, the_first_candidate_leads) {
  auto call = campaign("el", 1, "a");
  run();
  auto answered = answer<v3electionpb::CampaignResponse>(call);
  EXPECT_EQ(answered.header().revision(), 2);
  EXPECT_EQ(answered.leader().ShortDebugString(), R"(name: "el" key: "el/1" rev: 2 lease: 1)");
  EXPECT_EQ(service.contents(), "el/1=a");
}

TEST_F(election_test, the_next_candidate_leads_after_a_resignation) {
  auto first = campaign("el", 1, "a");
  auto second = campaign("el", 2, "b");
  run();
  auto leader = elected(first);
  EXPECT_EQ(told(second), "");
  auto given_up = resign(leader);
  run();
  EXPECT_EQ(answer<v3electionpb::ResignResponse>(given_up).header().revision(), 4);
  auto answered = answer<v3electionpb::CampaignResponse>(second);
  EXPECT_EQ(answered.header().revision(), 3) << "of the transaction that made it a candidate";
  EXPECT_EQ(answered.leader().rev(), 3);
}

TEST_F(election_test, to_campaign_again_with_another_value_proclaims_it) {
  campaign("el", 1, "a");
  run();
  auto same = campaign("el", 1, "a");
  run();
  EXPECT_EQ(elected(same).rev(), 2);
  EXPECT_EQ(service.state->revision(), 2);
  auto other = campaign("el", 1, "b");
  run();
  auto answered = answer<v3electionpb::CampaignResponse>(other);
  EXPECT_EQ(answered.leader().rev(), 2);
  EXPECT_EQ(answered.header().revision(), 2);
  EXPECT_EQ(service.contents(), "el/1=b");
  EXPECT_EQ(service.state->at(3).at("el/1").lease, lease_id{1});
}

TEST_F(election_test, a_candidate_who_leaves_leaves_no_key) {
  campaign("el", 1, "a");
  auto second = campaign("el", 2, "b");
  run();
  cancel(second);
  run();
  EXPECT_EQ(service.contents(), "el/1=a");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(election_test, a_leader_who_leaves_while_it_proclaims_stays_the_leader) {
  campaign("el", 1, "a");
  run();
  auto again = campaign("el", 1, "b");
  serve(); // stands in line
  cancel(again);
  run();
  EXPECT_EQ(service.contents(), "el/1=b");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(election_test, a_candidate_whose_key_has_gone_does_not_lead) {
  auto first = campaign("el", 1, "a");
  auto second = campaign("el", 2, "b");
  auto third = campaign("el", 3, "c");
  run();
  service.expire(2);
  auto given_up = resign(elected(first));
  run();
  EXPECT_EQ(told(second), "error: election: not leader");
  EXPECT_EQ(elected(third).key(), "el/3");
  answer<v3electionpb::ResignResponse>(given_up);
}

TEST_F(election_test, only_the_leadership_named_can_proclaim) {
  auto first = campaign("el", 1, "a");
  run();
  auto leader = elected(first);
  auto well = proclaim(leader, "b");
  run();
  EXPECT_EQ(answer<v3electionpb::ProclaimResponse>(well).header().revision(), 3);
  leader.set_rev(1);
  auto stale = proclaim(leader, "c");
  run();
  EXPECT_EQ(told(stale), "error: election: not leader");
  EXPECT_EQ(service.contents(), "el/1=b");
}

TEST_F(election_test, a_leadership_without_a_lease_gets_one_to_proclaim) {
  service.put("el/1", "a");
  v3electionpb::LeaderKey leader;
  leader.set_key("el/1");
  leader.set_rev(2);
  auto call = proclaim(leader, "b");
  run();
  answer<v3electionpb::ProclaimResponse>(call);
  EXPECT_EQ(service.granted_ttl, 60);
  EXPECT_EQ(service.state->at(3).at("el/1").lease, lease_id{1003});
}

TEST_F(election_test, a_stale_resignation_changes_nothing) {
  auto first = campaign("el", 1, "a");
  run();
  auto leader = elected(first);
  leader.set_rev(7);
  auto call = resign(leader);
  run();
  EXPECT_EQ(answer<v3electionpb::ResignResponse>(call).header().revision(), 2);
  EXPECT_EQ(service.contents(), "el/1=a");
}

TEST_F(election_test, the_leader_field_must_be_there) {
  EXPECT_EQ(told(begin(rpc_method::election_proclaim, v3electionpb::ProclaimRequest{})),
            R"(error: "leader" field must be provided)");
  EXPECT_EQ(told(begin(rpc_method::election_resign, v3electionpb::ResignRequest{})),
            R"(error: "leader" field must be provided)");
}

TEST_F(election_test, leader_is_the_oldest_key) {
  auto nobody = look_at(rpc_method::election_leader, "el");
  run();
  EXPECT_EQ(told(nobody), "error: election: no leader");
  campaign("el", 2, "b");
  campaign("el", 1, "a");
  auto call = look_at(rpc_method::election_leader, "el");
  run();
  auto answered = answer<v3electionpb::LeaderResponse>(call);
  EXPECT_EQ(answered.kv().key() + answered.kv().value(), "el/2b");
  EXPECT_EQ(answered.header().revision(), 3);
}

TEST_F(election_test, an_observer_sees_each_value_of_each_leader) {
  auto call = observe("el");
  run();
  EXPECT_EQ(seen(call), "");
  auto step = [&](auto change) {
    change();
    run();
    writable(call);
    return seen(call);
  };
  EXPECT_EQ(step([&] { service.put("el/1", "a", 1); }), "el/1=a@2");
  EXPECT_EQ(step([&] { service.put("el/2", "b", 2); }), "") << "a candidate";
  EXPECT_EQ(step([&] { service.put("el/1", "c", 1); }), "el/1=c@4");
  EXPECT_EQ(step([&] { service.put("el/2", "d", 2); }), "");
  EXPECT_EQ(step([&] { service.erase("el/1"); }), "el/2=d@6");
  EXPECT_EQ(step([&] { service.expire(2); }), "");
  EXPECT_EQ(step([&] { service.put("elsewhere", ""); }), "");
  EXPECT_EQ(step([&] { service.put("el/3", "e", 3); }), "el/3=e@9");
  cancel(call);
  run();
  EXPECT_EQ(core.calls(), 0u);
  EXPECT_TRUE(service.watches.empty());
}

TEST_F(election_test, an_observer_sees_first_who_leads_now) {
  service.put("el/2", "b");
  service.put("el/1", "a");
  auto call = observe("el");
  run();
  EXPECT_EQ(seen(call), "el/2=b@3") << "with the revision of the look";
}

TEST_F(election_test, a_slow_observer_misses_nothing) {
  auto call = observe("el");
  service.put("el/1", "0");
  run();
  EXPECT_EQ(seen(call), "el/1=0@2");
  std::string expected;
  for (int i = 1; i <= 500; ++i) {
    service.put("el/1", std::to_string(i));
    expected += (i > 1 ? " " : "") + ("el/1=" + std::to_string(i)) + "@" + std::to_string(i + 2);
  }
  run();
  EXPECT_EQ(seen(call), "") << "it has not read the first one";
  EXPECT_TRUE(service.watches.empty()) << "what is behind it stays in the history";
  std::string all;
  for (int i = 0; i < 20; ++i) {
    writable(call);
    run();
    auto part = seen(call);
    all += (all.empty() || part.empty() ? "" : " ") + part;
  }
  EXPECT_EQ(all, expected);
}

TEST_F(election_test, observers_share_what_is_kept_for_the_slow_ones) {
  limits.max_bytes = 200;
  core = recipe_core{limits};
  service.put("el/1", "0");
  auto call = observe("el");
  run();
  seen(call);
  service.put("el/1", std::string(300, 'x'));
  run();
  EXPECT_TRUE(service.watches.empty());
  writable(call);
  run();
  EXPECT_EQ(seen(call), "el/1=" + std::string(300, 'x') + "@3");
}

TEST_F(election_test, a_slow_observer_overtaken_by_compaction_sees_the_newest) {
  service.put("el/1", "0");
  auto call = observe("el");
  run();
  seen(call);
  for (int i = 1; i <= 200; ++i)
    service.put("el/1", std::to_string(i));
  run();
  service.compact();
  writable(call);
  run();
  writable(call);
  run();
  auto all = seen(call);
  EXPECT_TRUE(all.ends_with(" el/1=200@202")) << all;
}

TEST_F(election_test, compaction_shows_no_value_twice) {
  service.put("el/1", "a");
  auto call = observe("el");
  while (!service.waiting.empty())
    serve();
  seen(call);
  service.put("other", "");
  service.put("other", "");
  service.compact();
  run();
  writable(call);
  EXPECT_EQ(seen(call), "");
  service.put("el/1", "b");
  run();
  EXPECT_EQ(seen(call), "el/1=b@5");
}

TEST_F(election_test, an_observer_survives_a_lost_watch) {
  service.put("el/1", "a");
  auto call = observe("el");
  run();
  writable(call);
  seen(call);
  deliver(service.lose_watches(errc::leader_changed));
  service.put("el/1", "b");
  service.put("el/1", "c");
  pass(limits.pause);
  run();
  writable(call);
  EXPECT_EQ(seen(call), "el/1=b@3 el/1=c@4");
}

TEST_F(election_test, a_watch_that_fails_for_good_ends_the_observation) {
  auto call = observe("el");
  run();
  deliver(service.lose_watches(errc::permission_denied));
  EXPECT_EQ(told(call), "error: election: observe closed early");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(election_test, an_observer_that_wants_a_leader_ends_without_one) {
  auto wants = observe("el", true);
  run();
  deliver(service.lose_watches(errc::no_leader));
  EXPECT_TRUE(ended(wants));
  auto patient = observe("el");
  run();
  deliver(service.lose_watches(errc::no_leader));
  EXPECT_FALSE(ended(patient));
}

TEST_F(election_test, each_watch_message_is_said_to_be_read) {
  observe("el");
  while (!service.waiting.empty())
    serve();
  deliver(service.tell()); // created
  ASSERT_EQ(service.waiting.size(), 1u);
  EXPECT_EQ(service.waiting[0].kind, call_event::what::writable);
  EXPECT_EQ(service.waiting[0].method, rpc_method::watch_watch);
}

} // namespace
} // namespace troupe::recipe
