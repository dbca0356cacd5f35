#include "actors/lease/lease_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::lease {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using what = call_event::what;

/// Streams 1, 2 ... of clients that talk to the leader of term 2 about leases 5 (TTL 10 s) and 6
/// (20 s).
struct lease_calls_test : testing::Test {
  lease_calls_test() {
    hear(raft_role::leader, {1});
    apply({});
    apply(
      {{lease_change::what::granted, {5}, 10, {1}}, {lease_change::what::granted, {6}, 20, {2}}});
  }

  void hear(raft_role role, member_id leader) {
    lease_output decided;
    raft_status status{.role = role, .term = term, .leader = leader};
    calls.on(status, now);
    core.on(status, now, decided);
    calls.on_decided(decided, revision, now, out);
  }

  void apply(std::vector<lease_change> changes) {
    lease_output decided;
    core.on(lease_changes{.changes = std::move(changes), .upto = {term, {++index}}}, now, decided);
    calls.on_decided(decided, revision, now, out);
  }

  void revoke(std::int64_t id) {
    apply({{lease_change::what::revoked, {id}}});
  }

  void pass(std::chrono::nanoseconds span) {
    now += span;
    lease_output decided;
    core.on_tick(now, decided);
    calls.on_tick(now, out);
    calls.on_decided(decided, revision, now, out);
  }

  void event(what kind, std::int32_t stream, rpc_method method, std::string body = {},
             bool require_leader = false) {
    auto metadata = std::make_shared<call_metadata>();
    metadata->require_leader = require_leader;
    calls.on({{{.kind = kind,
                .call = {.stream = stream},
                .method = method,
                .body = blob{std::move(body)},
                .metadata = metadata}}},
             revision, now, out);
  }

  void open(std::int32_t stream, bool require_leader = false) {
    event(what::open, stream, rpc_method::lease_keep_alive, {}, require_leader);
  }

  void renew(std::int32_t stream, std::int64_t id) {
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(id);
    event(what::message, stream, rpc_method::lease_keep_alive, request.SerializeAsString());
  }

  void half_close(std::int32_t stream) {
    event(what::half_close, stream, rpc_method::lease_keep_alive);
  }

  void time_to_live(std::int32_t stream, std::int64_t id, bool keys = false) {
    etcdserverpb::LeaseTimeToLiveRequest request;
    request.set_id(id);
    request.set_keys(keys);
    event(what::request, stream, rpc_method::lease_time_to_live, request.SerializeAsString());
  }

  /// The renewals answered since the last time: "stream: id ttl @revision", or how a call ended.
  std::vector<std::string> answers() {
    std::vector<std::string> result;
    for (const auto& answer : std::exchange(out.answers, {})) {
      auto text = std::to_string(answer.call.stream) + ": ";
      if (answer.ends) {
        result.push_back(text + to_string(answer.error));
        continue;
      }
      etcdserverpb::LeaseKeepAliveResponse response;
      EXPECT_TRUE(response.ParseFromString(std::string{answer.message.view()}));
      EXPECT_EQ(response.header().raft_term(), 2u);
      EXPECT_EQ(response.header().member_id(), 1u);
      EXPECT_EQ(response.header().cluster_id(), 9u);
      result.push_back(text + std::to_string(response.id()) + " " + std::to_string(response.ttl())
                       + " @" + std::to_string(response.header().revision()));
    }
    return result;
  }

  template <class Response>
  Response only_answer() {
    Response response;
    EXPECT_EQ(out.answers.size(), 1u);
    EXPECT_TRUE(out.answers.at(0).ends);
    EXPECT_EQ(out.answers.at(0).error, errc::none);
    EXPECT_TRUE(response.ParseFromString(std::string{out.answers.at(0).message.view()}));
    out.answers.clear();
    return response;
  }

  lease_core core{{}};
  lease_calls calls{core, {{9}, {1}}, {.max_waiting_per_stream = 3, .max_waiting = 5}};
  time_point now{1h};
  term_t term{2};
  std::uint64_t index = 0;
  std::int64_t revision = 30;
  call_output out;
};

TEST_F(lease_calls_test, each_renewal_gets_one_answer_in_order) {
  open(1);
  renew(1, 5);
  renew(1, 7);
  renew(1, 6);
  EXPECT_THAT(answers(), ElementsAre("1: 5 10 @30", "1: 7 0 @30", "1: 6 20 @30"));
}

TEST_F(lease_calls_test, half_close_ends_the_stream_after_its_answers) {
  open(1);
  renew(1, 5);
  half_close(1);
  EXPECT_THAT(answers(), ElementsAre("1: 5 10 @30", "1: none"));
  EXPECT_EQ(calls.streams(), 0u);
}

TEST_F(lease_calls_test, expired_lease_holds_its_stream_up_until_it_is_removed) {
  open(1);
  open(2);
  pass(10s);
  renew(1, 5);
  renew(1, 6);
  half_close(1);
  renew(2, 6);
  EXPECT_THAT(answers(), ElementsAre("2: 6 20 @30"));
  revision = 31;
  revoke(5);
  EXPECT_THAT(answers(), ElementsAre("1: 5 0 @30", "1: 6 20 @31", "1: none"))
    << "the header is as it was when the renewal came to its turn";
  EXPECT_EQ(calls.waiting(), 0u);
}

TEST_F(lease_calls_test, who_waits_hears_from_a_new_leader_that_the_lease_lives_again) {
  open(1);
  pass(10s);
  renew(1, 5);
  lease_output decided;
  core.on(raft_status{.role = raft_role::leader, .term = {4}, .leader = {1}}, now, decided);
  core.on(lease_changes{.upto = {{4}, {9}}}, now, decided);
  EXPECT_TRUE(decided.promoted);
  calls.on_decided(decided, revision, now, out);
  EXPECT_THAT(answers(), ElementsAre("1: 5 10 @30"));
}

TEST_F(lease_calls_test, what_waits_is_bounded_per_stream) {
  open(1);
  pass(10s);
  for (int i = 0; i < 3; ++i)
    renew(1, 5);
  EXPECT_THAT(answers(), IsEmpty());
  renew(1, 6);
  EXPECT_THAT(answers(), ElementsAre("1: too many requests"));
  EXPECT_EQ(calls.waiting(), 0u);
  renew(1, 6);
  EXPECT_THAT(answers(), IsEmpty()) << "the client has not heard of the end yet";
}

TEST_F(lease_calls_test, what_waits_is_bounded_in_all) {
  pass(10s);
  for (std::int32_t stream = 1; stream <= 6; ++stream) {
    open(stream);
    renew(stream, 5);
  }
  EXPECT_THAT(answers(), ElementsAre("6: too many requests"));
  revoke(5);
  EXPECT_EQ(answers().size(), 5u);
}

TEST_F(lease_calls_test, client_that_has_gone_is_forgotten) {
  open(1);
  pass(10s);
  renew(1, 5);
  event(what::cancel, 1, rpc_method::lease_keep_alive);
  EXPECT_EQ(calls.waiting(), 0u);
  EXPECT_EQ(calls.streams(), 0u);
  revoke(5);
  EXPECT_THAT(answers(), IsEmpty());
}

TEST_F(lease_calls_test, message_that_is_no_renewal_ends_the_stream) {
  open(1);
  event(what::message, 1, rpc_method::lease_keep_alive, "\xff");
  EXPECT_THAT(answers(), ElementsAre("1: malformed message"));
}

TEST_F(lease_calls_test, time_to_live_counts_down) {
  pass(3s + 1ms);
  time_to_live(1, 5);
  auto answer = only_answer<etcdserverpb::LeaseTimeToLiveResponse>();
  EXPECT_EQ(answer.id(), 5);
  EXPECT_EQ(answer.ttl(), 6);
  EXPECT_EQ(answer.grantedttl(), 10);
  EXPECT_EQ(answer.header().revision(), 30);
}

TEST_F(lease_calls_test, time_to_live_of_an_unknown_lease_is_minus_one) {
  time_to_live(1, 7, true);
  auto answer = only_answer<etcdserverpb::LeaseTimeToLiveResponse>();
  EXPECT_EQ(answer.id(), 7);
  EXPECT_EQ(answer.ttl(), -1);
  EXPECT_EQ(answer.grantedttl(), 0);
}

TEST_F(lease_calls_test, keys_are_added_by_a_reader) {
  time_to_live(1, 6, true);
  EXPECT_THAT(out.answers, IsEmpty());
  ASSERT_EQ(out.to_read.size(), 1u);
  EXPECT_EQ(out.to_read[0].method, rpc_method::lease_time_to_live);
  EXPECT_EQ(out.to_read[0].deadline, now + 7s);
  etcdserverpb::LeaseTimeToLiveResponse begun;
  ASSERT_TRUE(begun.ParseFromString(std::string{out.to_read[0].body.view()}));
  EXPECT_EQ(begun.id(), 6);
  EXPECT_EQ(begun.ttl(), 20);
}

TEST_F(lease_calls_test, list_names_all_leases) {
  event(what::request, 1, rpc_method::lease_leases);
  auto answer = only_answer<etcdserverpb::LeaseLeasesResponse>();
  ASSERT_EQ(answer.leases_size(), 2);
  EXPECT_EQ(answer.leases(0).id(), 5);
  EXPECT_EQ(answer.leases(1).id(), 6);
}

TEST_F(lease_calls_test, without_a_leader_calls_wait_and_then_fail) {
  hear(raft_role::follower, {});
  open(1);
  renew(1, 5);
  time_to_live(2, 5);
  pass(7s - 1ns);
  EXPECT_THAT(answers(), IsEmpty());
  pass(1ns);
  EXPECT_THAT(answers(), ElementsAre("2: no leader", "1: no leader"));
  EXPECT_EQ(calls.waiting(), 0u);
}

TEST_F(lease_calls_test, with_a_leader_again_calls_go_on) {
  hear(raft_role::follower, {});
  open(1);
  renew(1, 5);
  time_to_live(2, 5);
  pass(1s);
  hear(raft_role::leader, {1});
  ASSERT_EQ(out.answers.size(), 2u);
  EXPECT_EQ(out.answers[0].call.stream, 1);
  EXPECT_EQ(out.answers[1].call.stream, 2);
  EXPECT_EQ(calls.waiting(), 0u);
}

TEST_F(lease_calls_test, stream_that_asks_for_a_leader_ends_when_it_is_gone_for_long) {
  open(1, true);
  open(2);
  hear(raft_role::follower, {});
  pass(3s - 1ns);
  EXPECT_THAT(answers(), IsEmpty());
  pass(1ns);
  EXPECT_THAT(answers(), ElementsAre("1: no leader"));
  EXPECT_EQ(calls.streams(), 1u);
}

} // namespace
} // namespace troupe::lease
