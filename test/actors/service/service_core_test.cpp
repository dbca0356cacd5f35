#include "actors/service/rpc_table.hpp"
#include "actors/service/service_core.hpp"
#include "messages/command.hpp"

#include <gtest/gtest.h>

namespace troupe::service {
namespace {

using namespace std::chrono_literals;

constexpr time_point start{};

/// A service whose member leads and has applied everything up to index 5.
struct service_core_test : testing::Test {
  service_core_test() {
    hear({.role = raft_role::leader, .term = {2}, .leader = {7}});
  }

  service_output hear(const raft_status& status) {
    service_output out;
    core.on(status, out);
    return out;
  }

  service_output call(rpc_method method, const google::protobuf::MessageLite& request,
                      call_metadata metadata = {}) {
    return call(method, request.SerializeAsString(), metadata);
  }

  service_output call(rpc_method method, std::string body, call_metadata metadata = {}) {
    service_output out;
    core.on({{{.call = {.stream = ++stream},
               .method = method,
               .body = blob{std::move(body)},
               .metadata = std::make_shared<call_metadata>(metadata)}}},
            start, out);
    return out;
  }

  service_core core{{}, {{{2}, {5}}, {{2}, {5}}}};
  std::int32_t stream = 0;
};

etcdserverpb::PutRequest put(std::string key, std::string value = "v") {
  etcdserverpb::PutRequest request;
  request.set_key(std::move(key));
  request.set_value(std::move(value));
  return request;
}

etcdserverpb::RangeRequest range(std::string key) {
  etcdserverpb::RangeRequest request;
  request.set_key(std::move(key));
  return request;
}

TEST_F(service_core_test, write_is_awaited_and_proposed_with_its_bytes_unchanged) {
  auto request = put("a");
  auto out = call(rpc_method::kv_put, request);
  ASSERT_EQ(out.to_await.size(), 1u);
  ASSERT_EQ(out.to_propose.size(), 1u);
  EXPECT_EQ(out.to_await[0].counter, out.to_propose[0].counter);
  EXPECT_EQ(out.to_await[0].call.stream, 1);
  EXPECT_EQ(out.to_await[0].deadline, start + 7s);
  auto command = decode_command(out.to_propose[0].payload);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, command_kind::put);
  EXPECT_EQ(command->body.view(), request.SerializeAsString());
  EXPECT_TRUE(out.answers.empty());
}

TEST_F(service_core_test, counters_are_never_used_twice) {
  auto first = call(rpc_method::kv_put, put("a")).to_propose[0].counter;
  auto second = call(rpc_method::kv_put, put("a")).to_propose[0].counter;
  EXPECT_NE(first, second);
  EXPECT_NE(first, 0u);
}

TEST_F(service_core_test, wrong_request_is_refused_before_it_is_proposed) {
  auto out = call(rpc_method::kv_put, put(""));
  EXPECT_TRUE(out.to_propose.empty());
  EXPECT_TRUE(out.to_await.empty());
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::empty_key);
}

TEST_F(service_core_test, body_that_is_no_protobuf_is_refused) {
  auto out = call(rpc_method::kv_put, std::string{"\xff\xff\xff"});
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::malformed_message);
  EXPECT_EQ(out.answers[0].detail, "grpc: error unmarshalling request: unexpected EOF");
}

TEST_F(service_core_test, transaction_deeper_than_parsers_like_is_proposed) {
  etcdserverpb::TxnRequest request;
  auto* innermost = &request;
  for (int depth = 0; depth < 100; ++depth)
    innermost = innermost->add_success()->mutable_request_txn();
  innermost->add_success()->mutable_request_put()->set_key("a");
  auto out = call(rpc_method::kv_txn, request.SerializeAsString());
  EXPECT_TRUE(out.answers.empty());
  EXPECT_EQ(out.to_propose.size(), 1u);
}

TEST_F(service_core_test, too_large_proposal_is_refused) {
  auto out = call(rpc_method::kv_put, put("a", std::string(1'600'000, 'x')));
  EXPECT_TRUE(out.to_propose.empty());
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::request_too_large);
}

TEST_F(service_core_test, linearizable_reads_share_a_round_and_run_at_its_index) {
  auto first = call(rpc_method::kv_range, range("a"));
  ASSERT_TRUE(first.to_confirm);
  EXPECT_TRUE(first.points.empty());
  service_output out;
  core.on(read_index_reply{.round = first.to_confirm->round, .index = {6}}, start, out);
  EXPECT_TRUE(out.points.empty());
  core.on(applied{.upto = {{2}, {6}}}, out);
  ASSERT_EQ(out.points.size(), 1u);
  EXPECT_EQ(out.points[0].call.stream, 1);
}

TEST_F(service_core_test, serializable_read_needs_no_round) {
  auto request = range("a");
  request.set_serializable(true);
  auto out = call(rpc_method::kv_range, request);
  EXPECT_FALSE(out.to_confirm);
  EXPECT_EQ(out.points.size(), 1u);
}

TEST_F(service_core_test, reads_of_many_keys_go_to_the_reader_of_lists) {
  auto request = range("a");
  request.set_range_end("b");
  request.set_serializable(true);
  auto out = call(rpc_method::kv_range, request);
  EXPECT_TRUE(out.points.empty());
  EXPECT_EQ(out.lists.size(), 1u);
}

TEST_F(service_core_test, reads_wait_for_a_leader_as_long_as_their_time_allows) {
  auto first = call(rpc_method::kv_range, range("a"));
  service_output out;
  core.on(read_index_reply{.round = first.to_confirm->round, .error = errc::not_leader}, start,
          out);
  EXPECT_TRUE(out.answers.empty());
  EXPECT_FALSE(out.to_confirm) << "a refusal is not asked again at once";
  core.on_tick(start + 1s, out);
  EXPECT_TRUE(out.to_confirm);
  service_output late;
  core.on_tick(start + 7s, late);
  ASSERT_EQ(late.answers.size(), 1u);
  EXPECT_EQ(late.answers[0].error, errc::timeout);
}

TEST_F(service_core_test, changed_leader_fails_the_reads_of_its_round) {
  auto first = call(rpc_method::kv_range, range("a"));
  service_output out;
  core.on(read_index_reply{.round = first.to_confirm->round, .error = errc::leader_changed}, start,
          out);
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::leader_changed);
}

TEST_F(service_core_test, call_that_needs_a_leader_fails_at_once_without_one) {
  hear({.role = raft_role::follower});
  auto out = call(rpc_method::kv_put, put("a"), {.require_leader = true});
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::no_leader);
  EXPECT_TRUE(call(rpc_method::kv_put, put("a")).answers.empty());
}

TEST_F(service_core_test, member_announces_itself_to_each_new_leader) {
  core.announce(blob{"me"});
  EXPECT_TRUE(hear({.role = raft_role::leader, .term = {2}, .leader = {7}}).to_propose.empty());
  EXPECT_TRUE(hear({.role = raft_role::candidate, .term = {3}}).to_propose.empty());
  auto out = hear({.role = raft_role::leader, .term = {3}, .leader = {7}});
  ASSERT_EQ(out.to_propose.size(), 1u);
  EXPECT_EQ(out.to_propose[0].payload.view(), "me");
  EXPECT_TRUE(out.to_await.empty());
}

TEST_F(service_core_test, writes_wait_for_a_leader_in_order) {
  hear({.role = raft_role::follower});
  EXPECT_TRUE(call(rpc_method::kv_put, put("a")).to_propose.empty());
  auto second = call(rpc_method::kv_put, put("b"));
  EXPECT_EQ(second.to_await.size(), 1u) << "its time runs";
  EXPECT_TRUE(second.to_propose.empty());
  auto out = hear({.role = raft_role::leader, .term = {3}, .leader = {7}});
  ASSERT_EQ(out.to_propose.size(), 2u);
  EXPECT_LT(out.to_propose[0].counter, out.to_propose[1].counter);
  EXPECT_TRUE(hear({.role = raft_role::leader, .term = {4}, .leader = {8}}).to_propose.empty());
}

TEST_F(service_core_test, write_that_waited_in_vain_is_never_proposed) {
  hear({.role = raft_role::follower});
  call(rpc_method::kv_put, put("a"));
  service_output out;
  core.on_tick(start + 7s, out);
  EXPECT_TRUE(hear({.role = raft_role::leader, .term = {3}, .leader = {7}}).to_propose.empty());
}

TEST_F(service_core_test, writes_that_wait_for_a_leader_are_bounded) {
  service_core bounded{{.max_parked_writes = 1}, {{{2}, {5}}, {{2}, {5}}}};
  service_output out;
  call_event event{.call = {.stream = 1},
                   .method = rpc_method::kv_put,
                   .body = blob{put("a").SerializeAsString()}};
  bounded.on({{event, event}}, start, out);
  EXPECT_EQ(out.to_await.size(), 1u);
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::too_many_requests);
}

TEST_F(service_core_test, read_only_transaction_is_not_proposed) {
  etcdserverpb::TxnRequest request;
  *request.add_success()->mutable_request_range() = range("a");
  auto out = call(rpc_method::kv_txn, request);
  EXPECT_TRUE(out.to_propose.empty());
  EXPECT_TRUE(out.to_confirm);
  *request.add_success()->mutable_request_put() = put("b");
  EXPECT_EQ(call(rpc_method::kv_txn, request).to_propose.size(), 1u);
}

TEST_F(service_core_test, waiting_reads_are_bounded) {
  service_core bounded{{.max_waiting_reads = 1}, {{{2}, {5}}, {{2}, {5}}}};
  service_output out;
  call_event event{.call = {.stream = 1},
                   .method = rpc_method::kv_range,
                   .body = blob{range("a").SerializeAsString()}};
  bounded.on({{event, event}}, start, out);
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::too_many_requests);
}

TEST_F(service_core_test, cancelled_stream_never_reaches_a_reader) {
  etcdserverpb::RangeRequest request = range("a");
  request.set_range_end("z");
  call_event ask{.call = {.stream = 1},
                 .method = rpc_method::kv_range_stream,
                 .body = blob{request.SerializeAsString()}};
  call_event cancel{
    .kind = call_event::what::cancel, .call = {.stream = 1}, .method = rpc_method::kv_range_stream};
  service_output out;
  core.on({{ask, cancel}}, start, out);
  ASSERT_FALSE(out.to_confirm) << "nobody waits for a round";
  EXPECT_TRUE(out.lists.empty());
  EXPECT_TRUE(out.stream_events.empty());
}

TEST_F(service_core_test, stream_that_runs_is_cancelled_at_its_reader) {
  call_event cancel{
    .kind = call_event::what::cancel, .call = {.stream = 1}, .method = rpc_method::kv_range_stream};
  service_output out;
  core.on({{cancel}}, start, out);
  ASSERT_EQ(out.stream_events.size(), 1u);
  EXPECT_TRUE(out.stream_events[0].cancelled);
}

TEST_F(service_core_test, snapshot_is_of_this_member_and_waits_for_nobody) {
  call_event ask{.call = {.stream = 1}, .method = rpc_method::maintenance_snapshot};
  service_output out;
  core.on({{ask}}, start, out);
  EXPECT_FALSE(out.to_confirm) << "no read round";
  ASSERT_EQ(out.lists.size(), 1u) << "it takes long";
  EXPECT_EQ(out.lists[0].method, rpc_method::maintenance_snapshot);
  for (auto kind : {call_event::what::writable, call_event::what::cancel}) {
    out = {};
    core.on({{{.kind = kind, .call = {.stream = 1}, .method = rpc_method::maintenance_snapshot}}},
            start, out);
    ASSERT_EQ(out.stream_events.size(), 1u);
    EXPECT_EQ(out.stream_events[0].cancelled, kind == call_event::what::cancel);
  }
}

TEST_F(service_core_test, bytes_of_waiting_requests_are_bounded) {
  service_core bounded{{.max_waiting_bytes = 100}, {{{2}, {5}}, {{2}, {5}}}};
  service_output out;
  auto event = [](std::int32_t stream, rpc_method method, const std::string& body) {
    return call_event{.call = {.stream = stream}, .method = method, .body = blob{body}};
  };
  auto write = put("a", std::string(60, 'x')).SerializeAsString();
  auto read = range(std::string(60, 'x')).SerializeAsString();
  bounded.on({{event(1, rpc_method::kv_put, write), event(2, rpc_method::kv_put, write),
               event(3, rpc_method::kv_range, read), event(4, rpc_method::kv_range, read)}},
             start, out);
  ASSERT_EQ(out.answers.size(), 2u);
  EXPECT_EQ(out.answers[0].call.stream, 2);
  EXPECT_EQ(out.answers[1].call.stream, 4);
  EXPECT_EQ(out.answers[1].error, errc::too_many_requests);
}

/// A member that replays its log, with room for four events of 100 bytes in all.
struct replay_test : testing::Test {
  using what = call_event::what;

  /// @returns the streams that are refused.
  std::vector<std::int32_t> say(what kind, std::int32_t stream, std::size_t bytes = 0,
                                rpc_method method = rpc_method::watch_watch) {
    service_output out;
    core.on({{{.kind = kind,
               .call = {.stream = stream},
               .method = method,
               .body = blob{std::string(bytes, 'x')}}}},
            start, out);
    EXPECT_TRUE(out.watches.empty() && out.leases.empty() && out.recipes.empty());
    std::vector<std::int32_t> refused;
    for (const auto& answer : out.answers) {
      EXPECT_EQ(answer.error, errc::too_many_requests);
      refused.push_back(answer.call.stream);
    }
    return refused;
  }

  service_output replayed() {
    service_output out;
    core.on(applied{.upto = {{2}, {5}}}, out);
    return out;
  }

  static std::vector<std::int32_t> streams(const std::vector<call_event>& events) {
    std::vector<std::int32_t> result;
    for (const auto& event : events)
      result.push_back(event.call.stream);
    return result;
  }

  using list = std::vector<std::int32_t>;
  service_core core{{.max_waiting_reads = 4, .max_waiting_bytes = 100}, {{{2}, {4}}, {{2}, {5}}}};
};

TEST_F(replay_test, calls_of_other_services_wait_for_its_end_in_order) {
  say(what::open, 1);
  say(what::request, 2, 10, rpc_method::lock_lock);
  say(what::open, 3);
  say(what::message, 1, 10);
  auto out = replayed();
  EXPECT_EQ(streams(out.watches), (list{1, 3, 1}));
  EXPECT_EQ(streams(out.recipes), (list{2}));
  service_output next;
  core.on({{{.kind = what::message, .call = {.stream = 1}, .method = rpc_method::watch_watch}}},
          start, next);
  EXPECT_EQ(streams(next.watches), (list{1}));
}

TEST_F(replay_test, a_call_whose_client_has_gone_is_never_begun) {
  for (std::int32_t stream = 1; stream <= 4; ++stream)
    EXPECT_EQ(say(what::request, stream, 25, rpc_method::lock_lock), list{});
  EXPECT_EQ(say(what::request, 5, 1, rpc_method::lock_lock), list{5});
  EXPECT_EQ(say(what::cancel, 2, 0, rpc_method::lock_lock), list{});
  EXPECT_EQ(say(what::cancel, 5, 0, rpc_method::lock_lock), list{});
  EXPECT_EQ(say(what::request, 6, 25, rpc_method::lock_lock), list{}) << "the room is free again";
  EXPECT_EQ(streams(replayed().recipes), (list{1, 3, 4, 6}));
}

TEST_F(replay_test, a_stream_that_brings_too_much_is_refused_whole) {
  say(what::open, 1);
  say(what::open, 2);
  say(what::message, 1, 60);
  EXPECT_EQ(say(what::message, 2, 41), list{2});
  EXPECT_EQ(say(what::message, 2, 1), list{}) << "it has its answer";
  EXPECT_EQ(say(what::message, 1, 40), list{});
  EXPECT_EQ(streams(replayed().watches), (list{1, 1, 1}));
}

TEST_F(service_core_test, read_is_worth_nothing_after_the_clients_deadline) {
  auto request = range("a");
  request.set_serializable(true);
  service_output out;
  core.on({{{.call = {.stream = 1},
             .method = rpc_method::kv_range,
             .body = blob{request.SerializeAsString()},
             .deadline = start + 1s}}},
          start, out);
  ASSERT_EQ(out.points.size(), 1u);
  EXPECT_EQ(out.points[0].deadline, start + 1s);
}

etcdserverpb::LeaseGrantRequest lease(std::int64_t id, std::int64_t ttl_seconds) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_id(id);
  request.set_ttl(ttl_seconds);
  return request;
}

/// What goes into the log for a grant.
etcdserverpb::LeaseGrantRequest proposed_grant(const service_output& out) {
  etcdserverpb::LeaseGrantRequest request;
  auto command = decode_command(out.to_propose.at(0).payload);
  EXPECT_EQ(command->kind, command_kind::lease_grant);
  EXPECT_TRUE(request.ParseFromString(std::string{command->body.view()}));
  return request;
}

TEST_F(service_core_test, grant_is_completed_before_the_log_so_that_all_members_agree) {
  auto chosen = proposed_grant(call(rpc_method::lease_grant, lease(-5, 60)));
  EXPECT_EQ(chosen.id(), -5);
  EXPECT_EQ(chosen.ttl(), 60);
  auto first = proposed_grant(call(rpc_method::lease_grant, lease(0, 0)));
  auto second = proposed_grant(call(rpc_method::lease_grant, lease(0, -7)));
  EXPECT_GT(first.id(), 0);
  EXPECT_GT(second.id(), 0);
  EXPECT_NE(first.id(), second.id());
  EXPECT_EQ(first.ttl(), 2);
  EXPECT_EQ(second.ttl(), 2);
}

TEST_F(service_core_test, grant_for_too_long_is_refused) {
  EXPECT_EQ(proposed_grant(call(rpc_method::lease_grant, lease(5, 9'000'000'000))).ttl(),
            9'000'000'000);
  auto out = call(rpc_method::lease_grant, lease(5, 9'000'000'001));
  EXPECT_TRUE(out.to_propose.empty());
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::lease_ttl_too_large);
}

/// Requests that the check of their form passes, and grow the store.
std::string growing(rpc_method method) {
  etcdserverpb::TxnRequest txn;
  txn.add_success()->mutable_request_put()->set_key("a");
  return method == rpc_method::kv_put   ? put("a").SerializeAsString()
         : method == rpc_method::kv_txn ? txn.SerializeAsString()
                                        : lease(0, 9).SerializeAsString();
}

TEST_F(service_core_test, what_an_alarm_forbids_is_not_proposed) {
  service_output none;
  auto raise = [&](raised_alarms alarms) { core.on(applied{{{2}, {5}}, {}, alarms}, none); };
  std::size_t seen = 0;
  for (const auto& rule : rpc_table()) {
    if (!rule.quota)
      continue;
    SCOPED_TRACE(shape_of(rule.method).name);
    ++seen;
    for (auto [alarms, reason] : {std::pair{raised_alarms{.no_space = true}, errc::no_space},
                                  std::pair{raised_alarms{true, true}, errc::corrupt}}) {
      raise(alarms);
      auto out = call(rule.method, growing(rule.method));
      EXPECT_TRUE(out.to_propose.empty());
      ASSERT_EQ(out.answers.size(), 1u);
      EXPECT_EQ(out.answers[0].error, reason);
    }
    raise({});
    EXPECT_EQ(call(rule.method, growing(rule.method)).to_propose.size(), 1u);
  }
  EXPECT_EQ(seen, 3u);
  raise({.no_space = true});
  EXPECT_EQ(call(rpc_method::kv_put, put("")).answers.at(0).error, errc::empty_key)
    << "the form is looked at first";
  etcdserverpb::DeleteRangeRequest erase;
  erase.set_key("a");
  EXPECT_EQ(call(rpc_method::kv_delete_range, erase).to_propose.size(), 1u);
}

TEST_F(service_core_test, alarm_and_downgrade_are_read_or_proposed_by_their_action) {
  etcdserverpb::AlarmRequest alarm;
  EXPECT_TRUE(call(rpc_method::maintenance_alarm, alarm).to_confirm);
  alarm.set_action(etcdserverpb::AlarmRequest::ACTIVATE);
  auto out = call(rpc_method::maintenance_alarm, alarm);
  ASSERT_EQ(out.to_propose.size(), 1u);
  EXPECT_EQ(decode_command(out.to_propose[0].payload)->kind, command_kind::alarm);
  etcdserverpb::DowngradeRequest downgrade;
  EXPECT_EQ(call(rpc_method::maintenance_downgrade, downgrade).answers.at(0).error,
            errc::wrong_downgrade_version_format);
  downgrade.set_version("3.5");
  downgrade.set_action(etcdserverpb::DowngradeRequest::ENABLE);
  out = call(rpc_method::maintenance_downgrade, downgrade);
  ASSERT_EQ(out.to_propose.size(), 1u);
  EXPECT_EQ(decode_command(out.to_propose[0].payload)->kind, command_kind::downgrade);
}

TEST_F(service_core_test, hashes_run_where_lists_do_and_end_with_their_clients) {
  auto out = call(rpc_method::maintenance_hash_kv, etcdserverpb::HashKVRequest{});
  ASSERT_EQ(out.lists.size(), 1u);
  EXPECT_EQ(out.lists[0].deadline, time_point::max()) << "it takes as long as it takes";
  service_output gone;
  core.on({{{.kind = call_event::what::cancel,
             .call = out.lists[0].call,
             .method = rpc_method::maintenance_hash_kv}}},
          start, gone);
  ASSERT_EQ(gone.stream_events.size(), 1u);
  EXPECT_TRUE(gone.stream_events[0].cancelled);
}

TEST_F(service_core_test, defragmentation_goes_to_the_keeper) {
  EXPECT_EQ(call(rpc_method::maintenance_defragment, std::string{}).to_defragment.size(), 1u);
}

/// No method can be forgotten: each one is either carried out or says that it is not there yet.
TEST_F(service_core_test, every_method_has_a_rule_and_an_outcome) {
  ASSERT_EQ(rpc_table().size(), rpc_shapes().size());
  for (const auto& rule : rpc_table()) {
    if (rule.path == rpc_path::edge)
      continue;
    SCOPED_TRACE(shape_of(rule.method).name);
    auto out = call(rule.method, std::string{});
    auto outcomes = out.to_propose.size() + out.points.size() + out.lists.size()
                    + (out.to_confirm ? 1 : 0) + out.answers.size() + out.watches.size()
                    + out.leases.size() + out.recipes.size() + out.to_defragment.size();
    EXPECT_EQ(outcomes, 1u);
    if (rule.path == rpc_path::unimplemented) {
      ASSERT_EQ(out.answers.size(), 1u);
      EXPECT_EQ(out.answers[0].error, errc::unimplemented);
    }
    if (out.to_confirm) {
      service_output done;
      core.on(read_index_reply{.round = out.to_confirm->round, .index = {5}}, start, done);
    }
  }
}

} // namespace
} // namespace troupe::service
