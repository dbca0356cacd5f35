#include "actors/lease/lease_manager.hpp"
#include "messages/command.hpp"
#include "messages/proto/record.pb.h"
#include "storage/memory_engine.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <gtest/gtest.h>

namespace troupe::lease {
namespace {

using namespace std::chrono_literals;

struct hand_clock : clock {
  time_point now() const override {
    return at;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point at{1h};
};

/// The manager of a leader, between stand-ins for its neighbours.
struct lease_manager_test : test::actor_fixture {
  lease_manager_test() {
    own(member.actor);
    own(reader.actor);
    own(edge.actor);
    send(manager, service::edge_joined{0, edge.actor});
    send(manager, raft_status{.role = raft_role::leader, .term = {2}, .leader = {1}});
    send(manager, lease_changes{.upto = {{2}, {1}}});
    send(manager, lease_changes{.changes = {{lease_change::what::granted, {5}, 10, {2}}},
                                .upto = {{2}, {2}}});
    run();
  }

  call_event event(call_event::what kind, std::int32_t stream, rpc_method method,
                   const google::protobuf::MessageLite* request = nullptr) {
    return {.kind = kind,
            .call = {.stream = stream},
            .method = method,
            .body = blob{request ? request->SerializeAsString() : std::string{}}};
  }

  call_event renewal_of(std::int64_t id, std::int32_t stream) {
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(id);
    return event(call_event::what::message, stream, rpc_method::lease_keep_alive, &request);
  }

  call_event open(std::int32_t stream) {
    return event(call_event::what::open, stream, rpc_method::lease_keep_alive);
  }

  std::shared_ptr<hand_clock> time = std::make_shared<hand_clock>();
  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  test::recorder<propose> member{system};
  test::recorder<read_batch> reader{system};
  test::recorder<rpc_answers> edge{system};
  lease_manager_actor manager = own(system.spawn(
    lease_manager_behavior,
    std::make_shared<lease_manager_host>(lease_core{{}}, lease_identity{{9}, {1}}, call_limits{},
                                         manager_peers{member.actor, reader.actor}, store, time)));
};

TEST_F(lease_manager_test, renewals_of_one_batch_are_answered_by_one_message) {
  send(manager,
       call_batch{{open(1), open(2), renewal_of(5, 1), renewal_of(5, 2), renewal_of(6, 1)}});
  run();
  ASSERT_EQ(edge.all<rpc_answers>().size(), 1u);
  EXPECT_EQ(edge.all<rpc_answers>()[0].answers.size(), 3u);
}

TEST_F(lease_manager_test, expiry_is_proposed_and_its_end_answers_who_waits) {
  time->at += 10s;
  send(manager, tick{});
  run();
  auto proposed = member.take<propose>();
  ASSERT_TRUE(proposed);
  ASSERT_EQ(proposed->proposals.size(), 1u);
  EXPECT_EQ(decode_command(proposed->proposals[0].payload)->kind, command_kind::lease_expiry);
  send(manager, call_batch{{open(1), renewal_of(5, 1)}});
  run();
  EXPECT_TRUE(edge.all<rpc_answers>().empty());
  send(manager, lease_changes{.changes = {{lease_change::what::revoked, {5}}},
                              .applied_proposals = {proposed->proposals[0].counter},
                              .upto = {{2}, {3}}});
  run();
  auto answers = edge.take<rpc_answers>();
  ASSERT_TRUE(answers);
  etcdserverpb::LeaseKeepAliveResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string{answers->answers.at(0).message.view()}));
  EXPECT_EQ(response.ttl(), 0);
  EXPECT_EQ(response.header().revision(), 1);
}

TEST_F(lease_manager_test, refused_expiry_goes_out_again) {
  time->at += 10s;
  send(manager, tick{});
  run();
  auto first = member.take<propose>();
  ASSERT_TRUE(first);
  send(manager, propose_refused{{first->proposals[0].counter}, errc::too_many_requests});
  send(manager, tick{});
  run();
  EXPECT_TRUE(member.take<propose>());
}

TEST_F(lease_manager_test, keys_are_asked_of_the_reader) {
  etcdserverpb::LeaseTimeToLiveRequest request;
  request.set_id(5);
  request.set_keys(true);
  send(manager,
       call_batch{{event(call_event::what::request, 1, rpc_method::lease_time_to_live, &request)}});
  run();
  auto asked = reader.take<read_batch>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->calls.size(), 1u);
  EXPECT_EQ(asked->raft.term, term_t{2});
}

} // namespace
} // namespace troupe::lease
