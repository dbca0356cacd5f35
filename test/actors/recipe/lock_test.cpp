#include "actors/recipe/requests.hpp"
#include "test/actors/recipe/recipe_fixture.hpp"

#include <random>

namespace troupe::recipe {
namespace {

class lock_test : public recipe_fixture {
protected:
  lock_test() {
    service.leases = {1, 2, 3, 0x4d2, -31};
  }
};

TEST_F(lock_test, a_free_lock_takes_one_request) {
  auto call = lock("lk", 0x4d2);
  run();
  EXPECT_EQ(taken(call), "lk/4d2@2");
  EXPECT_EQ(service.contents(), "lk/4d2=");
  EXPECT_EQ(service.state->at(2).at("lk/4d2").lease, lease_id{0x4d2});
  EXPECT_EQ(service.served, (std::map<rpc_method, int>{{rpc_method::kv_txn, 1}}));
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, a_negative_lease_has_a_minus_sign) {
  auto call = lock("", -31);
  run();
  EXPECT_EQ(taken(call), "/-1f@2");
}

TEST_F(lock_test, a_caller_without_a_lease_gets_one_of_a_minute) {
  auto call = lock("lk", 0);
  run();
  EXPECT_EQ(service.granted_ttl, 60);
  EXPECT_EQ(taken(call), "lk/8ba@2"); // 0x4d2 + 1000
}

TEST_F(lock_test, the_same_lease_has_it_already) {
  lock("lk", 1);
  run();
  service.put("other", "");
  auto again = lock("lk", 1);
  run();
  EXPECT_EQ(taken(again), "lk/1@3");
  EXPECT_EQ(service.state->revision(), 3) << "nothing was written";
}

TEST_F(lock_test, waiters_get_it_in_the_order_they_came) {
  auto first = lock("lk", 3);
  auto second = lock("lk", 2);
  auto third = lock("lk", 1);
  run();
  EXPECT_EQ(taken(first), "lk/3@2");
  EXPECT_EQ(taken(second) + taken(third), "");
  EXPECT_EQ(service.watches.size(), 2u);
  auto release = unlock("lk/3");
  run();
  EXPECT_EQ(answer<v3lockpb::UnlockResponse>(release).header().revision(), 5);
  EXPECT_EQ(taken(second), "lk/2@5");
  EXPECT_EQ(taken(third), "");
  EXPECT_EQ(service.watches.size(), 1u) << "the third hears of the second only";
  service.expire(2);
  run();
  EXPECT_EQ(taken(third), "lk/1@6");
  EXPECT_EQ(core.calls(), 0u);
  EXPECT_TRUE(service.watches.empty());
}

TEST_F(lock_test, locks_of_other_names_do_not_matter) {
  lock("lk", 1);
  lock("lk0", 1);
  lock("l", 1);
  auto call = lock("lk1", 2);
  run();
  EXPECT_EQ(taken(call), "lk1/2@5");
}

TEST_F(lock_test, who_leaves_while_waiting_leaves_no_key) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  auto third = lock("lk", 3);
  run();
  cancel(second);
  run();
  EXPECT_EQ(service.contents(), "lk/1= lk/3=");
  EXPECT_EQ(told(second), "");
  service.expire(1);
  run();
  EXPECT_EQ(taken(third), "lk/3@6");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, who_leaves_before_the_first_answer_leaves_no_key) {
  auto call = lock("lk", 1);
  cancel(call);
  EXPECT_EQ(core.calls(), 1u);
  run();
  EXPECT_EQ(service.contents(), "");
  EXPECT_EQ(told(call), "");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, an_owner_who_asks_again_and_leaves_stays_the_owner) {
  lock("lk", 1);
  run();
  cancel(lock("lk", 1));
  run();
  EXPECT_EQ(service.contents(), "lk/1=");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, who_leaves_before_a_timeout_leaves_no_key_that_comes_later) {
  lock("lk", 1);
  run();
  for (bool made : {true, false}) {
    auto call = lock("lk", 2);
    service.failures = {errc::timeout_waiting_for_apply, errc::no_leader};
    cancel(call);
    run();
    if (made)
      service.catch_up();
    service.late.clear();
    pass(limits.pause);
    run();
    EXPECT_EQ(core.calls(), 1u) << "no leader just now";
    pass(limits.pause);
    run();
    EXPECT_EQ(service.contents(), "lk/1=");
    EXPECT_EQ(told(call), "");
    EXPECT_EQ(core.calls(), 0u);
  }
}

TEST_F(lock_test, a_key_of_an_own_lease_goes_though_it_is_the_only_one) {
  auto call = lock("lk", 0);
  serve(); // the grant
  service.failures = {errc::timeout_waiting_for_apply};
  cancel(call);
  run();
  service.catch_up();
  EXPECT_NE(service.contents(), "");
  pass(limits.pause);
  run();
  EXPECT_EQ(service.contents(), "");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, an_owner_whose_second_call_leaves_before_a_timeout_stays_the_owner) {
  lock("lk", 1);
  run();
  service.failures = {errc::timeout};
  cancel(lock("lk", 1));
  run();
  pass(limits.pause);
  run();
  EXPECT_EQ(service.contents(), "lk/1=");
  EXPECT_EQ(core.calls(), 0u);
}

// A client that gives up and tries again with its lease.
TEST_F(lock_test, a_key_that_another_call_has_taken_over_is_not_taken_away) {
  lock("lk", 1);
  run();
  auto first = lock("lk", 2);
  service.failures = {errc::timeout_waiting_for_apply};
  cancel(first);
  run();
  service.catch_up();
  auto second = lock("lk", 2);
  run();
  pass(limits.pause);
  run();
  EXPECT_EQ(core.calls(), 1u) << "the second waits";
  service.erase("lk/1");
  run();
  EXPECT_EQ(taken(second), "lk/2@4");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, nor_once_it_is_a_lock) {
  auto waits = lock("lk", 2);
  cancel(waits);
  auto second = lock("lk", 2);
  run();
  EXPECT_EQ(taken(second), "lk/2@2");
  EXPECT_EQ(service.contents(), "lk/2=");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, whether_there_is_a_key_is_not_asked_for_ever) {
  service.failures = std::deque<errc>(100, errc::timeout);
  cancel(lock("lk", 1));
  for (int i = 0; i < 20; ++i) {
    run();
    pass(limits.pause);
  }
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, a_leave_that_fails_for_a_while_is_repeated) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  run();
  service.failures = {errc::timeout, errc::leader_changed};
  cancel(second);
  run();
  EXPECT_EQ(core.calls(), 1u);
  pass(limits.pause);
  run();
  pass(limits.pause);
  run();
  EXPECT_EQ(service.contents(), "lk/1=");
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, a_leave_is_not_repeated_for_ever) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  run();
  service.failures = std::deque<errc>(100, errc::no_leader);
  cancel(second);
  for (int i = 0; i < 20; ++i) {
    run();
    pass(limits.pause);
  }
  EXPECT_EQ(core.calls(), 0u);
}

TEST_F(lock_test, a_waiter_whose_lease_has_ended_does_not_get_it) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  auto third = lock("lk", 3);
  run();
  service.expire(2);
  run();
  EXPECT_EQ(told(second), "") << "it waits for the owner";
  service.erase("lk/1");
  run();
  EXPECT_EQ(told(second), "error: mutex: session is expired");
  EXPECT_EQ(taken(third), "lk/3@6");
}

// The key is there, but another one than that which stood in line.
TEST_F(lock_test, a_key_created_anew_stands_at_the_end_of_the_line) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  lock("lk", 3);
  run();
  service.erase("lk/2");
  service.put("lk/2", "", 2);
  service.erase("lk/1");
  run();
  EXPECT_EQ(told(second), "error: mutex: session is expired");
  EXPECT_EQ(service.contents(), "lk/2= lk/3=");
}

TEST_F(lock_test, an_unknown_lease_gets_nothing) {
  auto call = lock("lk", 77);
  run();
  EXPECT_EQ(told(call), "error: etcdserver: requested lease not found");
  EXPECT_EQ(service.contents(), "");
}

TEST_F(lock_test, unlock_asks_for_a_key_but_not_that_it_exists) {
  auto empty = unlock("");
  auto unknown = unlock("nothing");
  run();
  EXPECT_EQ(told(empty), "error: etcdserver: key is not provided");
  EXPECT_EQ(answer<v3lockpb::UnlockResponse>(unknown).header().revision(), 1);
}

TEST_F(lock_test, a_lost_watch_misses_nothing) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  run();
  auto lost = service.lose_watches(errc::leader_changed);
  service.expire(1);
  deliver(std::move(lost));
  run();
  EXPECT_EQ(taken(second), "") << "not at once: whatever ended the watch may not be over";
  pass(limits.pause);
  run();
  EXPECT_EQ(taken(second), "lk/2@4");
}

TEST_F(lock_test, a_look_that_fails_for_a_while_is_repeated) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  run();
  service.erase("lk/1");
  deliver(service.tell());
  service.failures = {errc::timeout};
  run();
  EXPECT_EQ(core.calls(), 1u);
  pass(limits.pause);
  run();
  EXPECT_EQ(taken(second), "lk/2@4");
}

TEST_F(lock_test, a_look_that_fails_for_good_ends_the_call_and_its_key) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  run();
  deliver(service.lose_watches(errc::permission_denied));
  EXPECT_EQ(told(second), "");
  run();
  EXPECT_EQ(told(second), "error: etcdserver: permission denied");
  EXPECT_EQ(service.contents(), "lk/1=");
}

TEST_F(lock_test, a_watch_that_is_refused_tells_why) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  run();
  etcdserverpb::WatchResponse refused;
  refused.set_created(true);
  refused.set_canceled(true);
  refused.set_watch_id(-1);
  refused.set_cancel_reason("because");
  deliver({{.call = service.watches.begin()->first,
            .has_message = true,
            .message = blob{refused.SerializeAsString()}}});
  run();
  EXPECT_EQ(told(second), "error: because");
  EXPECT_EQ(service.contents(), "lk/1=");
}

TEST_F(lock_test, compaction_under_a_waiting_watch_is_survived) {
  lock("lk", 1);
  auto second = lock("lk", 2);
  while (!service.waiting.empty())
    serve(); // the watch exists and has heard nothing yet
  service.put("a", "");
  service.put("a", "");
  service.compact();
  service.erase("lk/1");
  run();
  EXPECT_EQ(taken(second), "lk/2@6");
}

TEST_F(lock_test, a_service_that_says_nothing_is_not_waited_for) {
  auto call = lock("lk", 1);
  EXPECT_EQ(service.waiting[0].deadline, now + limits.inner_timeout);
  pass(limits.inner_timeout - 1ns);
  EXPECT_EQ(told(call), "");
  pass(1ns);
  EXPECT_EQ(told(call), "error: etcdserver: request timed out");
  run();
  EXPECT_EQ(core.calls(), 0u) << "the late answer is for nobody";
}

TEST_F(lock_test, inner_calls_do_not_ask_for_a_leader) {
  v3lockpb::LockRequest request;
  request.set_lease(1);
  begin(rpc_method::lock_lock, request, true);
  EXPECT_FALSE(service.waiting[0].metadata->require_leader);
}

TEST_F(lock_test, what_is_no_request_is_refused) {
  tell_core({.kind = call_event::what::request,
             .call = {0, 1, 50},
             .method = rpc_method::lock_lock,
             .body = blob{std::string{"\x0a"}}});
  EXPECT_EQ(core.calls(), 0u);
  EXPECT_TRUE(service.waiting.empty());
  EXPECT_TRUE(ended(50));
}

TEST_F(lock_test, calls_and_their_bytes_are_bounded) {
  limits.max_calls = 2;
  core = recipe_core{limits};
  lock("lk", 1);
  lock("lk", 2);
  EXPECT_EQ(told(lock("lk", 3)), "error: etcdserver: too many requests");
  limits.max_calls = 20;
  limits.max_bytes = 100;
  core = recipe_core{limits};
  service.waiting.clear();
  EXPECT_EQ(told(lock(std::string(200, 'x'), 1)), "error: etcdserver: too many requests");
  for (int i = 0; i < 3; ++i) { // each returns what it took
    auto call = lock(std::string(80, 'x'), 1);
    run();
    EXPECT_NE(taken(call), "");
  }
}

// Mutual exclusion and order, whatever happens in whatever order: at each moment at most one of
// those who were told that they own the lock still has its key, and it is the oldest.
TEST_F(lock_test, never_has_two_owners) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 chance{seed};
    auto one_of = [&](unsigned n) { return static_cast<unsigned>(chance() % n); };
    core = recipe_core{limits};
    service = test::fake_service{};
    std::map<int, std::int64_t> open;           // call -> lease
    std::map<std::string, std::int64_t> owners; // key -> create revision, as told
    std::int64_t lease = 0;
    auto look = [&] {
      const auto& keys = service.state->at(service.state->revision());
      for (auto call = open.begin(); call != open.end();) {
        auto stream = call->first;
        auto held = call->second;
        if (!ended(stream)) {
          ++call;
          continue;
        }
        call = open.erase(call);
        auto key = key_of("lk", held);
        if (told(stream).starts_with("error"))
          continue;
        if (auto found = keys.find(key); found != keys.end())
          owners[key] = found->second.create_revision;
      }
      int held = 0;
      for (const auto& [key, created] : owners) {
        auto found = keys.find(key);
        if (found == keys.end() || found->second.create_revision != created)
          continue;
        ++held;
        for (const auto& [other, kv] : keys)
          ASSERT_GE(kv.create_revision, created) << other << " is older, seed " << seed;
      }
      ASSERT_LE(held, 1) << "seed " << seed;
    };
    for (int i = 0; i < 400; ++i) {
      switch (one_of(12)) {
      case 0:
        if (open.size() < 8) {
          service.leases.insert(++lease);
          open[lock("lk", lease)] = lease;
        }
        break;
      case 1:
        if (!open.empty())
          cancel(std::next(open.begin(), one_of(open.size()))->first);
        break;
      case 2:
        if (!service.leases.empty())
          service.expire(*std::next(service.leases.begin(), one_of(service.leases.size())));
        break;
      case 3:
        if (auto keys = service.state->at(service.state->revision()); !keys.empty())
          service.erase(keys.begin()->first);
        break;
      case 4:
        if (one_of(4) == 0)
          deliver(service.lose_watches(errc::no_leader));
        else if (one_of(3) == 0)
          service.compact();
        break;
      case 5:
        pass(limits.pause);
        break;
      case 6:
      case 7:
        deliver(service.tell());
        break;
      default:
        if (!service.waiting.empty())
          serve(one_of(service.waiting.size()));
      }
      look();
      if (HasFatalFailure())
        return;
    }
    // Left alone, everybody gets an answer, and nobody's key stays who does not own the lock.
    do {
      run();
      pass(limits.pause);
      look();
      ASSERT_FALSE(HasFatalFailure());
      for (const auto& [key, created] : owners)
        service.erase(key);
    } while (core.calls() > 0);
    EXPECT_EQ(service.contents(), "") << "seed " << seed;
  }
}

} // namespace
} // namespace troupe::recipe
