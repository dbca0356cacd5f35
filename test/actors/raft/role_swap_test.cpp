#include "actors/raft/member.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <caf/event_based_actor.hpp>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <random>

namespace troupe::raft {

namespace {

constexpr member_id us{1};
constexpr member_id second{2};
constexpr std::uint64_t counter = 77;
constexpr std::uint64_t read_round = 5;

/// A storage that is done at once; keeps what it was told.
caf::behavior instant_storage(caf::event_based_actor* self, const member_actor& member,
                              const std::shared_ptr<std::vector<persist>>& written) {
  auto last = std::make_shared<entry_id>();
  return {
    [=](const persist& batch) {
      written->push_back(batch);
      if (!batch.entries.empty())
        *last = batch.entries.back().id;
      self->send(member, persisted{batch.batch, *last});
    },
    [](const release_log&) {},
  };
}

/// What became of everything that was sent to a member in the middle of a change of role.
struct fates {
  int status_answers = 0;
  int status_failures = 0;
};

/// Asks for the status and notes what comes back.
void ask_status(caf::event_based_actor* self, const member_actor& member,
                const std::shared_ptr<fates>& seen) {
  self->request(member, caf::infinite, get_raft_status{})
    .then([=](const raft_status&) { ++seen->status_answers; },
          [=](const caf::error&) { ++seen->status_failures; });
}

/// A member of `voters`, which the stage plays beside it.
class swap_stage : public test::actor_stage {
public:
  explicit swap_stage(std::set<member_id> voters, std::uint64_t seed) : chance_(seed) {
    recovered_state found{.hard = {.boot = {1}}};
    for (auto id : voters)
      found.membership.members[id] = {};
    member = own(spawn_member(system, {.core = {.id = us}, .found = found}));
    handles out{.storage = caf::actor_cast<storage_handle>(
                  own(system.spawn(instant_storage, member, written))),
                .applier = own(applier.actor),
                .reader = own(reader.actor),
                .listener = own(listener.actor)};
    if (voters.contains(second))
      send(member, peer_table{{{second, own(peer.actor)}}});
    send(member, out);
    run();
  }

  /// Ticks until it campaigns, is given a vote and leads.
  void lead() {
    while (!leads()) {
      send(member, tick{});
      run();
      for (const auto& asked : peer.all<request_vote>())
        send(member, request_vote_reply{asked.term, second, true, asked.pre});
      peer.all<request_vote>().clear();
      run();
    }
  }

  bool leads() {
    const auto& seen = listener.all<raft_status>();
    return !seen.empty() && seen.back().role == raft_role::leader;
  }

  /// Runs `steps` steps, or until there is nothing to do, in an order that the seed draws. @returns
  /// how many there were.
  std::size_t run_some(std::size_t steps) {
    std::size_t done = 0;
    while (done < steps && step_any(chance_()))
      ++done;
    return done;
  }

  /// Sends one message of every kind and runs until nothing is left to do.
  void interrupt() {
    send(member, propose{{{.counter = counter, .payload = blob{"x"}}}});
    send(member, read_index_request{read_round});
    send(member, request_vote{{1}, second, {}});
    own(system.spawn(ask_status, member, seen));
    run_some(std::numeric_limits<std::size_t>::max());
  }

  /// Reaches member by way of a relay, so that what is sent meanwhile may come first.
  template <class Message>
  void send_later(Message message) {
    auto relay = [](caf::event_based_actor* self, const member_actor& to) -> caf::behavior {
      return {[=](const Message& news) { self->send(to, news); }};
    };
    send(own(system.spawn(relay, member)), std::move(message));
  }

  int appended() const {
    int result = 0;
    for (const auto& batch : *written)
      for (const auto& each : batch.entries)
        result += each.origin.counter == counter;
    return result;
  }

  int refused() {
    int result = 0;
    for (const auto& each : applier.all<propose_refused>())
      for (auto number : each.counters)
        result += number == counter;
    return result;
  }

  int forwarded() {
    int result = 0;
    for (const auto& each : peer.all<forward_propose>())
      for (const auto& proposal : each.proposals)
        result += proposal.counter == counter;
    return result;
  }

  std::shared_ptr<std::vector<persist>> written = std::make_shared<std::vector<persist>>();
  std::shared_ptr<fates> seen = std::make_shared<fates>();
  test::recorder<committed, propose_refused> applier{system};
  test::recorder<read_index_reply> reader{system};
  test::recorder<raft_status> listener{system};
  test::recorder<request_vote, request_vote_reply, append, append_reply, timeout_now,
                 forward_propose, forward_refused, forward_read, forward_read_reply>
    peer{system};
  member_actor member;

private:
  std::mt19937_64 chance_;
};

/// Lets `begin` start a change of role and interrupts it at every single step, in many orders of
/// steps; nothing may be lost or doubled.
template <class Begin>
void interrupt_everywhere(const std::set<member_id>& voters, Begin begin) {
  int appended = 0;
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    bool reached = true;
    for (std::size_t step = 0; reached; ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " step " + std::to_string(step));
      swap_stage stage{voters, seed};
      begin(stage);
      stage.peer.all<request_vote_reply>().clear();
      reached = stage.run_some(step) == step;
      stage.interrupt();
      ASSERT_EQ(stage.appended() + stage.refused() + stage.forwarded(), 1)
        << "a proposal has one fate";
      ASSERT_EQ(stage.reader.all<read_index_reply>().size() + stage.peer.all<forward_read>().size(),
                1u)
        << "a read has one answer, or is asked once";
      ASSERT_EQ(stage.seen->status_answers, 1);
      ASSERT_EQ(stage.seen->status_failures, 0);
      ASSERT_LE(stage.peer.all<request_vote_reply>().size(), 1u) << "peers may have to ask again";
      appended += stage.appended();
      refused += stage.refused() + stage.forwarded();
    }
  }
  EXPECT_GT(appended, 0) << "some came when it led";
  EXPECT_GT(refused, 0) << "some came when it did not";
}

TEST(role_swap, from_follower_to_candidate_to_leader_loses_nothing) {
  interrupt_everywhere({us}, [](swap_stage& stage) { stage.send(stage.member, tick{}); });
}

TEST(role_swap, from_leader_to_follower_loses_nothing) {
  interrupt_everywhere({us, second}, [](swap_stage& stage) {
    stage.lead();
    // Heartbeats before the news, so that some interruptions come while it still leads.
    for (int i = 0; i < 3; ++i)
      stage.send(stage.member, tick{});
    stage.send_later(append{.term = {50}, .leader = second});
    stage.send_later(append_reply{.term = {50}, .follower = second});
  });
}

TEST(role_swap, the_message_that_caused_it_is_taken_by_the_next_role) {
  swap_stage stage{{us, second}, 1};
  stage.lead();
  stage.peer.all<append_reply>().clear();
  stage.send(stage.member, append{.term = {50}, .leader = second});
  stage.run();
  ASSERT_EQ(stage.peer.all<append_reply>().size(), 1u);
  EXPECT_TRUE(stage.peer.all<append_reply>()[0].success);
  EXPECT_EQ(stage.peer.all<append_reply>()[0].term, term_t{50});
  EXPECT_EQ(stage.listener.all<raft_status>().back().role, raft_role::follower);
  EXPECT_EQ(stage.listener.all<raft_status>().back().leader, second);
}

TEST(role_swap, the_role_before_ends) {
  swap_stage stage{{us}, 1};
  const auto before = stage.system.registry().running();
  stage.lead();
  EXPECT_EQ(stage.system.registry().running(), before);
}

TEST(role_swap, its_committed_entries_reach_the_applier_once_each) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    swap_stage stage{{us}, seed};
    stage.lead();
    for (std::uint64_t i = 0; i < 10; ++i)
      stage.send(stage.member, propose{{{.counter = 100 + i, .payload = {}}}});
    stage.run_some(seed);
    stage.interrupt();
    log_index next{1};
    for (const auto& batch : stage.applier.all<committed>())
      for (const auto& each : batch.entries) {
        ASSERT_EQ(each.id.index, next);
        next = next + 1;
      }
    EXPECT_EQ(next, log_index{13});
  }
}

} // namespace

} // namespace troupe::raft
