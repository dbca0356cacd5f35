#include "actors/apply/apply_core.hpp"
#include "actors/apply/membership.hpp"
#include "messages/command.hpp"
#include "messages/ensure.hpp"
#include "messages/proto/record.pb.h"
#include "storage/memory_engine.hpp"
#include "storage/storage_error.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

using namespace std::chrono_literals;

constexpr apply_identity us{{11}, {7}, {3}};

entry entry_of(std::uint64_t index, command_kind kind, const google::protobuf::MessageLite& request,
               entry_origin origin = {us.member, us.boot, 0}) {
  return {.id = {{2}, {index}},
          .kind = entry_kind::command,
          .origin = origin,
          .payload = encode_command(kind, request.SerializeAsString())};
}

entry put_entry(std::uint64_t index, std::string key, entry_origin origin = {}) {
  etcdserverpb::PutRequest request;
  request.set_key(std::move(key));
  request.set_value("v");
  return entry_of(index, command_kind::put, request, origin);
}

entry_origin ours(std::uint64_t counter) {
  return {us.member, us.boot, counter};
}

struct apply_core_test : testing::Test {
  apply_core_test() {
    core.on(raft_status{.role = raft_role::leader, .term = {2}, .leader = us.member});
  }

  apply_output apply(const std::vector<entry>& entries) {
    apply_output out;
    core.apply(entries, out);
    return out;
  }

  void await(std::uint64_t counter, std::chrono::nanoseconds deadline = 7s) {
    core.await({{{counter, {.stream = static_cast<std::int32_t>(counter)}, time_point{deadline}}}});
  }

  std::int64_t revision() {
    return store.snapshot()->revision();
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  apply_core core{store, us, auto_compaction{{}, {}}};
};

TEST_F(apply_core_test, answers_the_client_that_waits_once_the_entry_is_in_the_store) {
  await(1);
  auto out = apply({put_entry(1, "a", ours(1))});
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].call.stream, 1);
  EXPECT_TRUE(out.answers[0].ends);
  EXPECT_EQ(out.answers[0].error, errc::none);
  etcdserverpb::PutResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string{out.answers[0].message.view()}));
  EXPECT_EQ(response.header().revision(), 2);
  EXPECT_EQ(response.header().cluster_id(), us.cluster.value);
  EXPECT_EQ(response.header().member_id(), us.member.value);
  EXPECT_EQ(response.header().raft_term(), 2u);
  EXPECT_EQ(revision(), 2);
  EXPECT_EQ(core.progress().upto, (entry_id{{2}, {1}}));
}

TEST_F(apply_core_test, hands_out_every_change_for_the_watchers) {
  std::vector<entry> entries;
  // More than one commit of the store.
  etcdserverpb::PutRequest large;
  large.set_key("large");
  large.set_value(std::string(3 << 20, 'x'));
  for (std::uint64_t i = 1; i <= 3; ++i)
    entries.push_back(entry_of(i, command_kind::put, large, {}));
  entries.push_back(put_entry(4, "small"));
  auto out = apply(entries);
  ASSERT_EQ(out.events.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(out.events[i].at.main, static_cast<std::int64_t>(i) + 2);
  EXPECT_EQ(out.events[3].kv.key, "small");
  EXPECT_EQ(core.watched({}),
            (watched_state{.revision = 5, .floor = -1, .term = {2}, .caught_up = true}));
}

TEST_F(apply_core_test, applies_entries_of_others_and_of_earlier_boots_without_answering) {
  await(1);
  auto out = apply({put_entry(1, "a", {{8}, us.boot, 1}), put_entry(2, "b", {us.member, {2}, 1})});
  EXPECT_TRUE(out.answers.empty());
  EXPECT_EQ(revision(), 3);
}

TEST_F(apply_core_test, later_entry_of_a_batch_sees_the_earlier_one) {
  await(2);
  etcdserverpb::TxnRequest request;
  auto& compare = *request.add_compare();
  compare.set_target(etcdserverpb::Compare::VERSION);
  compare.set_result(etcdserverpb::Compare::EQUAL);
  compare.set_key("a");
  compare.set_version(1);
  auto out = apply({put_entry(1, "a"), entry_of(2, command_kind::txn, request, ours(2))});
  etcdserverpb::TxnResponse response;
  ASSERT_EQ(out.answers.size(), 1u);
  ASSERT_TRUE(response.ParseFromString(std::string{out.answers[0].message.view()}));
  EXPECT_TRUE(response.succeeded());
}

TEST_F(apply_core_test, entries_are_applied_in_order_each_once) {
  apply({put_entry(1, "a")});
  EXPECT_THROW(apply({put_entry(1, "a")}), invariant_error);
  EXPECT_THROW(apply({put_entry(3, "a")}), invariant_error);
}

TEST_F(apply_core_test, refused_proposal_is_answered_with_the_reason_and_never_again) {
  await(1);
  apply_output out;
  core.refuse({{1}, errc::too_many_requests}, out);
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::too_many_requests);
  EXPECT_TRUE(apply({put_entry(1, "a", ours(1))}).answers.empty());
}

TEST_F(apply_core_test, call_out_of_time_gets_unknown_and_its_entry_still_counts) {
  await(1, 7s);
  apply_output out;
  core.on_tick(time_point{7s}, out);
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::timeout);
  EXPECT_TRUE(apply({put_entry(1, "a", ours(1))}).answers.empty());
  EXPECT_EQ(revision(), 2);
}

TEST_F(apply_core_test, failing_command_leaves_nothing_but_its_answer) {
  await(1);
  etcdserverpb::PutRequest request;
  request.set_key("a");
  request.set_lease(5);
  auto out = apply({entry_of(1, command_kind::put, request, ours(1))});
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(out.answers[0].error, errc::lease_not_found);
  EXPECT_EQ(revision(), 1);
  EXPECT_EQ(core.progress().upto.index, log_index{1});
}

TEST_F(apply_core_test, term_start_only_moves_the_applied_index) {
  apply({{.id = {{2}, {1}}, .kind = entry_kind::term_start}});
  EXPECT_EQ(revision(), 1);
  EXPECT_EQ(core.progress().upto.index, log_index{1});
}

TEST_F(apply_core_test, kind_from_a_newer_version_stops_before_it_is_applied) {
  auto unknown_entry = put_entry(1, "a");
  unknown_entry.kind = static_cast<entry_kind>(200);
  EXPECT_THROW(apply({unknown_entry}), storage::storage_error);
  auto unknown_command = entry_of(1, static_cast<command_kind>(200), etcdserverpb::PutRequest{});
  EXPECT_THROW(apply({unknown_command}), storage::storage_error);
  EXPECT_EQ(core.progress().upto.index, log_index{0});
}

TEST_F(apply_core_test, compaction_raises_the_floor_and_says_so) {
  etcdserverpb::CompactionRequest request;
  request.set_revision(2);
  await(3);
  auto out = apply(
    {put_entry(1, "a"), put_entry(2, "a"), entry_of(3, command_kind::compact, request, ours(3))});
  EXPECT_TRUE(out.floor_raised);
  EXPECT_EQ(out.answers.size(), 1u);
  EXPECT_EQ(store.snapshot()->compacted(), 2);
}

TEST_F(apply_core_test, physical_compaction_is_answered_only_when_the_data_is_gone) {
  etcdserverpb::CompactionRequest request;
  request.set_revision(2);
  request.set_physical(true);
  await(2);
  auto out = apply({put_entry(1, "a"), entry_of(2, command_kind::compact, request, ours(2))});
  EXPECT_TRUE(out.answers.empty());
  ASSERT_EQ(out.when_removed.size(), 1u);
  EXPECT_EQ(out.when_removed[0].call.stream, 2);
}

TEST_F(apply_core_test, configuration_and_publication_make_the_member_list) {
  record::InitialMembership membership;
  auto& founding = *membership.add_members();
  founding.set_id(us.member.value);
  founding.set_name("n1");
  founding.add_peer_urls("http://p");
  entry configuration{.id = {{1}, {1}},
                      .kind = entry_kind::configuration,
                      .payload = blob{membership.SerializeAsString()}};
  record::PublishMember published;
  published.set_member_id(us.member.value);
  published.set_name("renamed");
  published.add_client_urls("http://c");
  record::PublishMember stranger = published;
  stranger.set_member_id(99);
  apply({configuration, entry_of(2, command_kind::publish_member, published),
         entry_of(3, command_kind::publish_member, stranger)});
  std::vector<record::MemberRecord> members;
  engine.latest().visit(storage::family::member, {}, std::nullopt,
                        [&](std::string_view, std::string_view bytes) {
                          members.emplace_back().ParseFromString(std::string{bytes});
                          return true;
                        });
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].name(), "renamed");
  EXPECT_EQ(members[0].peer_urls(0), "http://p");
  EXPECT_EQ(members[0].client_urls(0), "http://c");
}

TEST_F(apply_core_test, the_state_keeps_the_configuration_as_a_whole) {
  EXPECT_TRUE(stored_configuration(store, {7}).members.empty());
  auto entry_with = [](std::uint64_t index, const configuration& what) {
    return entry{.id = {{1}, {index}}, .kind = entry_kind::configuration, .payload = encode(what)};
  };
  configuration now{.cluster = {7}, .members = {}, .outgoing = {}, .removed = {{9}}};
  now.members[us.member] = {.peer_urls = {"http://p"}, .name = {}};
  now.outgoing[{3}] = {.peer_urls = {"http://q"}, .name = "leaves"};
  record::PublishMember published;
  published.set_member_id(us.member.value);
  published.set_name("n1");
  apply(
    {entry_with(1, now), entry_of(2, command_kind::publish_member, published), entry_with(3, now)});
  EXPECT_EQ(stored_configuration(store, {7}), now);
  // The entry knows no name; what the member published stays.
  engine.latest().visit(storage::family::member, {}, std::nullopt,
                        [&](std::string_view, std::string_view bytes) {
                          record::MemberRecord member;
                          member.ParseFromString(std::string{bytes});
                          EXPECT_EQ(member.name(), "n1");
                          return true;
                        });
}

TEST_F(apply_core_test, leader_compacts_by_its_policy_and_follower_does_not) {
  using mode = auto_compaction_policy::mode;
  apply_core policy{store, us,
                    auto_compaction{{.kind = mode::revision, .retention_revisions = 1}, {}}};
  apply_output none;
  apply({put_entry(1, "a"), put_entry(2, "a")});
  policy.on(raft_status{.role = raft_role::follower});
  policy.on_tick(time_point{5min}, none);
  EXPECT_TRUE(none.to_propose.empty());
  apply({put_entry(3, "a")});
  policy.on(raft_status{.role = raft_role::leader});
  apply_output out;
  policy.on_tick(time_point{10min}, out);
  ASSERT_EQ(out.to_propose.size(), 1u);
  auto command = decode_command(out.to_propose[0].payload);
  etcdserverpb::CompactionRequest request;
  ASSERT_TRUE(request.ParseFromString(std::string{command->body.view()}));
  EXPECT_EQ(request.revision(), 3);
}

/// The state after a crash and a replay is the one of a member that never crashed (checklist 45,
/// 46).
TEST_F(apply_core_test, replay_after_a_crash_at_any_flush_point_leads_to_the_same_state) {
  std::vector<entry> log;
  for (std::uint64_t i = 1; i <= 30; ++i)
    log.push_back(put_entry(i, "k" + std::to_string(i % 7)));
  for (std::size_t crash_at = 1; crash_at <= log.size(); ++crash_at) {
    storage::memory_disk disk;
    {
      storage::memory_engine engine{disk, "state"};
      mvcc::store store{engine};
      apply_core core{store, us, auto_compaction{{}, {}}};
      apply_output out;
      core.apply({log.begin(), log.begin() + static_cast<std::ptrdiff_t>(crash_at / 2)}, out);
      store.flush();
      core.apply({log.begin() + static_cast<std::ptrdiff_t>(crash_at / 2),
                  log.begin() + static_cast<std::ptrdiff_t>(crash_at)},
                 out);
      engine.crash();
    }
    storage::memory_engine engine{disk, "state"};
    mvcc::store store{engine};
    apply_core core{store, us, auto_compaction{{}, {}}};
    auto from = store.applied().index.value;
    ASSERT_EQ(from, crash_at / 2);
    apply_output out;
    core.apply({log.begin() + static_cast<std::ptrdiff_t>(from), log.end()}, out);
    auto snapshot = store.snapshot();
    EXPECT_EQ(snapshot->revision(), 31);
    std::optional<mvcc::key_value> found;
    ASSERT_EQ(snapshot->get("k2", 31, found), errc::none);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->version, 5);
    EXPECT_EQ(found->mod_revision, 31);
  }
}

} // namespace
} // namespace troupe::apply
