// What the log does to leases and to the keys attached to them, through the applier's core.

#include "actors/apply/apply_core.hpp"
#include "actors/lease/load_leases.hpp"
#include "messages/command.hpp"
#include "messages/proto/record.pb.h"
#include "storage/memory_engine.hpp"
#include "storage/mvcc/lease_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr apply_identity us{{11}, {7}, {3}};

struct lease_apply_test : testing::Test {
  lease_apply_test() {
    core.on(raft_status{.role = raft_role::leader, .term = term, .leader = us.member});
  }

  /// Applies one entry; its client waits. @returns the answer.
  rpc_answer apply(command_kind kind, const google::protobuf::MessageLite& request) {
    return apply(kind, request, ++counter);
  }

  rpc_answer apply(command_kind kind, const google::protobuf::MessageLite& request,
                   std::uint64_t of) {
    if (of < first_lease_counter)
      core.await({{{of, {.stream = 1}, time_point::max()}}});
    out = {};
    core.apply(std::vector<entry>{{.id = {term, {++index}},
                                   .kind = entry_kind::command,
                                   .origin = {us.member, us.boot, of},
                                   .payload = encode_command(kind, request.SerializeAsString())}},
               out);
    return out.answers.empty() ? rpc_answer{} : out.answers.front();
  }

  template <class Response>
  static Response read(const rpc_answer& answer) {
    Response response;
    EXPECT_EQ(answer.error, errc::none);
    EXPECT_TRUE(response.ParseFromString(std::string{answer.message.view()}));
    return response;
  }

  rpc_answer grant(std::int64_t id, std::int64_t seconds = 10) {
    etcdserverpb::LeaseGrantRequest request;
    request.set_id(id);
    request.set_ttl(seconds);
    return apply(command_kind::lease_grant, request);
  }

  rpc_answer revoke(std::int64_t id) {
    etcdserverpb::LeaseRevokeRequest request;
    request.set_id(id);
    return apply(command_kind::lease_revoke, request);
  }

  static etcdserverpb::PutRequest put_request(const std::string& key, std::int64_t lease) {
    etcdserverpb::PutRequest request;
    request.set_key(key);
    request.set_lease(lease);
    return request;
  }

  rpc_answer put(const std::string& key, std::int64_t lease = 0) {
    return apply(command_kind::put, put_request(key, lease));
  }

  void expire(std::vector<std::pair<std::int64_t, std::uint64_t>> leases, term_t in) {
    record::LeaseExpiry expiry;
    expiry.set_term(in.value);
    for (auto [id, granted_at] : leases) {
      auto& lease = *expiry.add_leases();
      lease.set_id(id);
      lease.set_granted_at(granted_at);
    }
    apply(command_kind::lease_expiry, expiry, first_lease_counter + 1);
  }

  void checkpoint(std::int64_t id, std::uint64_t granted_at, std::int64_t seconds, term_t in) {
    record::LeaseCheckpoints checkpoints;
    checkpoints.set_term(in.value);
    auto& left = *checkpoints.add_leases();
    left.mutable_lease()->set_id(id);
    left.mutable_lease()->set_granted_at(granted_at);
    left.set_seconds(seconds);
    apply(command_kind::lease_checkpoints, checkpoints, first_lease_counter + 1);
  }

  std::vector<std::string> attached(std::int64_t lease) {
    std::vector<std::string> keys;
    auto range = mvcc::attachments_of({lease});
    store.visit(storage::family::lease, range.begin, range.end,
                [&](std::string_view key, std::string_view) {
                  keys.emplace_back(mvcc::attached_key(key));
                  return true;
                });
    return keys;
  }

  std::vector<std::string> keys() {
    std::vector<std::string> result;
    auto now = store.snapshot();
    now->visit({"", std::nullopt}, now->revision(), [&](const mvcc::key_value_view& kv) {
      result.emplace_back(kv.key);
      return true;
    });
    return result;
  }

  /// What the last entry changed: "main.sub key" of each deletion.
  std::vector<std::string> deletions() const {
    std::vector<std::string> result;
    for (const auto& event : out.events)
      if (event.kind == mvcc::event::type::deletion)
        result.push_back(std::to_string(event.at.main) + "." + std::to_string(event.at.sub) + " "
                         + event.kv.key);
    return result;
  }

  std::vector<std::int64_t> revoked() const {
    std::vector<std::int64_t> result;
    for (const auto& change : out.leases.changes)
      if (change.kind == lease_change::what::revoked)
        result.push_back(change.lease.value);
    return result;
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  apply_core core{store, us, auto_compaction{{}, {}}};
  term_t term{2};
  std::uint64_t index = 0;
  std::uint64_t counter = 0;
  apply_output out;
};

TEST_F(lease_apply_test, grant_answers_with_id_and_ttl_and_takes_no_revision) {
  auto answer = read<etcdserverpb::LeaseGrantResponse>(grant(5, 60));
  EXPECT_EQ(answer.id(), 5);
  EXPECT_EQ(answer.ttl(), 60);
  EXPECT_EQ(answer.error(), "");
  EXPECT_EQ(answer.header().revision(), 1);
  ASSERT_EQ(out.leases.changes.size(), 1u);
  EXPECT_EQ(out.leases.changes[0].kind, lease_change::what::granted);
  EXPECT_EQ(out.leases.changes[0].seconds, 60);
  EXPECT_EQ(out.leases.changes[0].granted_at, log_index{1});
  EXPECT_EQ(out.leases.upto, (entry_id{term, {1}}));
}

TEST_F(lease_apply_test, id_is_taken_until_it_is_revoked) {
  grant(-5);
  EXPECT_EQ(grant(-5).error, errc::lease_exists);
  EXPECT_THAT(out.leases.changes, IsEmpty());
  EXPECT_EQ(revoke(-5).error, errc::none);
  EXPECT_EQ(grant(-5).error, errc::none);
}

TEST_F(lease_apply_test, put_needs_a_lease_that_is_there) {
  EXPECT_EQ(put("a", 5).error, errc::lease_not_found);
  grant(5);
  EXPECT_EQ(put("a", 5).error, errc::none);
  EXPECT_THAT(attached(5), ElementsAre("a"));
  revoke(5);
  EXPECT_EQ(put("a", 5).error, errc::lease_not_found);
}

TEST_F(lease_apply_test, revocation_deletes_the_keys_in_one_revision_in_their_order) {
  grant(5);
  put("c", 5);
  put("a", 5);
  put("b");
  put("bb", 5);
  auto answer = read<etcdserverpb::LeaseRevokeResponse>(revoke(5));
  EXPECT_EQ(answer.header().revision(), 6);
  EXPECT_THAT(deletions(), ElementsAre("6.0 a", "6.1 bb", "6.2 c"));
  EXPECT_THAT(keys(), ElementsAre("b"));
  EXPECT_THAT(attached(5), IsEmpty());
}

TEST_F(lease_apply_test, revocation_without_keys_takes_no_revision) {
  put("a");
  grant(5);
  EXPECT_EQ(read<etcdserverpb::LeaseRevokeResponse>(revoke(5)).header().revision(), 2);
  EXPECT_EQ(revoke(5).error, errc::lease_not_found);
  EXPECT_EQ(store.revision(), 2);
}

TEST_F(lease_apply_test, last_put_says_whose_the_key_is) {
  grant(5);
  grant(6);
  put("a", 5);
  put("a", 6);
  EXPECT_THAT(attached(5), IsEmpty());
  EXPECT_THAT(attached(6), ElementsAre("a"));
  put("a");
  EXPECT_THAT(attached(6), IsEmpty());
  revoke(6);
  EXPECT_THAT(keys(), ElementsAre("a"));
}

TEST_F(lease_apply_test, deleted_key_is_nobodys) {
  grant(5);
  put("a", 5);
  etcdserverpb::DeleteRangeRequest request;
  request.set_key("a");
  apply(command_kind::delete_range, request);
  EXPECT_THAT(attached(5), IsEmpty());
  put("a");
  revoke(5);
  EXPECT_THAT(keys(), ElementsAre("a"));
}

TEST_F(lease_apply_test, ignored_lease_stays_attached) {
  grant(5);
  put("a", 5);
  auto request = put_request("a", 0);
  request.set_ignore_lease(true);
  apply(command_kind::put, request);
  EXPECT_THAT(attached(5), ElementsAre("a"));
}

TEST_F(lease_apply_test, nested_transactions_attach_and_detach_as_they_go) {
  grant(5);
  grant(6);
  put("a", 5);
  put("b", 5);
  etcdserverpb::TxnRequest request;
  request.add_success()->mutable_request_delete_range()->set_key("a");
  auto& nested = *request.add_success()->mutable_request_txn();
  *nested.add_success()->mutable_request_put() = put_request("b", 6);
  *nested.add_success()->mutable_request_put() = put_request("c", 5);
  *request.add_success()->mutable_request_put() = put_request("d", 6);
  EXPECT_EQ(apply(command_kind::txn, request).error, errc::none);
  EXPECT_THAT(attached(5), ElementsAre("c"));
  EXPECT_THAT(attached(6), ElementsAre("b", "d"));
}

TEST_F(lease_apply_test, transaction_with_an_unknown_lease_has_no_effect) {
  grant(5);
  etcdserverpb::TxnRequest request;
  *request.add_success()->mutable_request_put() = put_request("a", 5);
  *request.add_success()->mutable_request_txn()->add_success()->mutable_request_put() =
    put_request("b", 6);
  EXPECT_EQ(apply(command_kind::txn, request).error, errc::lease_not_found);
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_THAT(attached(5), IsEmpty());
}

TEST_F(lease_apply_test, neighbours_in_id_and_key_are_kept_apart) {
  for (std::int64_t id : {INT64_MAX, INT64_MIN, std::int64_t{-1}, std::int64_t{1}}) {
    grant(id);
    put("k" + std::to_string(id), id);
  }
  for (std::int64_t id : {INT64_MAX, INT64_MIN, std::int64_t{-1}, std::int64_t{1}})
    EXPECT_THAT(attached(id), ElementsAre("k" + std::to_string(id)));
  revoke(-1);
  revoke(INT64_MAX);
  EXPECT_EQ(keys().size(), 2u);
}

TEST_F(lease_apply_test, expiry_ends_each_lease_in_a_revision_of_its_own) {
  grant(5); // at 1
  grant(6); // at 2
  grant(7); // at 3
  put("a", 6);
  put("b", 5);
  put("c", 6);
  expire({{6, 2}, {7, 3}, {5, 1}}, term);
  EXPECT_THAT(deletions(), ElementsAre("5.0 a", "5.1 c", "6.0 b"));
  EXPECT_THAT(revoked(), ElementsAre(6, 7, 5));
  EXPECT_THAT(out.leases.applied_proposals, ElementsAre(first_lease_counter + 1));
}

TEST_F(lease_apply_test, expiry_from_another_term_or_of_another_grant_has_no_effect) {
  grant(5);
  put("a", 5);
  expire({{5, 1}}, {1});
  EXPECT_THAT(revoked(), IsEmpty());
  EXPECT_THAT(out.leases.applied_proposals, ElementsAre(first_lease_counter + 1));
  revoke(5);
  grant(5);
  expire({{5, 1}, {9, 1}}, term);
  EXPECT_THAT(revoked(), IsEmpty());
  expire({{5, index - 1}}, term);
  EXPECT_THAT(revoked(), ElementsAre(5));
}

TEST_F(lease_apply_test, leases_and_checkpoints_survive_a_restart) {
  grant(5, 1000);
  grant(6, 10);
  grant(7, 10);
  checkpoint(5, 1, 700, term);
  checkpoint(6, 2, 3, {9});
  checkpoint(7, 2, 3, term);
  revoke(7);
  lease_changes none{.upto = {term, {index}}};
  auto loaded = lease::load_leases(store, {.election_timeout = 0s});
  lease::lease_output ignored;
  loaded.on(raft_status{.role = raft_role::leader, .term = term}, time_point{}, ignored);
  loaded.on(none, time_point{}, ignored);
  ASSERT_TRUE(loaded.leads());
  EXPECT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded.find({5}, time_point{})->remaining_seconds, 700);
  EXPECT_EQ(loaded.find({5}, time_point{})->granted_seconds, 1000);
  EXPECT_EQ(loaded.find({6}, time_point{})->remaining_seconds, 10);
}

} // namespace
} // namespace troupe::apply
