// Random histories of leases on a cluster of three, in virtual time: elections, old leaders that
// have not heard of them yet, proposals that come late, are refused or lost, restarts, renewals at
// any moment. Each member runs the real applier on the real store. No lease may end before its TTL
// counted from its last acknowledged renewal, none later than the bound. A failure names its seed.

#include "actors/apply/apply_core.hpp"
#include "actors/lease/load_leases.hpp"
#include "messages/command.hpp"
#include "messages/proto/record.pb.h"
#include "storage/memory_engine.hpp"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <random>

namespace troupe::lease {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr nanoseconds election_timeout = 1s;
constexpr nanoseconds checkpoint_interval = 10s;
/// From a proposal to the end of what it does, refusals included.
constexpr nanoseconds slack = 4s;
/// The same where nothing goes wrong: a few rounds of `settle`.
constexpr nanoseconds calm_slack = 700ms;

/// One granted lease, as its clients know it.
struct promise {
  std::int64_t id = 0;
  seconds ttl{};
  /// It lives at least until then, unless a client ends it.
  nanoseconds until{};
  /// It ends until then at the latest; grows with each renewal and each election.
  nanoseconds bound{};
  /// The entry that granted it.
  std::size_t granted_at = 0;
};

class cluster {
public:
  explicit cluster(std::uint64_t seed) : random_(seed) {
    static constexpr std::size_t unrests[] = {15, 60, 600};
    unrest_ = unrests[pick(3)];
    lazy_ = pick(3) == 0;
    for (std::uint64_t id = 1; id <= 3; ++id) {
      auto& m = members_.emplace_back();
      m.id = {id};
      start(m);
    }
    elect();
  }

  void step() {
    now_ += 1ms * pick(300);
    if (pick(400) == 0)
      stall(1s * pick(12));
    deliver();
    if (pick(unrest_) == 0)
      elect();
    if (pick(2 * unrest_) == 0)
      restart(members_[pick(3)]);
    for (int n = 0; n < 3; ++n)
      client();
    for (auto& m : members_) {
      if (pick(4) == 0)
        m.store->flush();
      if (pick(3) > 0)
        apply(m, pick(6));
      if (pick(3) > 0)
        tick(m);
    }
    note_leadership();
  }

  /// From now on nothing goes wrong any more: every lease must end.
  void settle() {
    calm_ = true;
    if (pick(2) == 0)
      elect();
    for (int n = 0; n < 3'000 && (n < 50 || !living_.empty()); ++n) {
      now_ += 100ms;
      deliver();
      for (auto& m : members_) {
        apply(m, SIZE_MAX);
        tick(m);
      }
      note_leadership();
    }
    EXPECT_TRUE(living_.empty()) << living_.size() << " leases live for ever";
    for (auto& m : members_) {
      EXPECT_EQ(m.core->size(), 0u);
      std::size_t records = 0;
      m.store->visit(storage::family::lease, {}, std::nullopt, [&](auto, auto) {
        ++records;
        return true;
      });
      EXPECT_EQ(records, 0u) << "leases or attachments are left over";
      EXPECT_EQ(m.store->revision(), members_[0].store->revision());
    }
  }

  std::size_t expired = 0;
  std::size_t renewals = 0;
  std::size_t checkpoints = 0;

private:
  struct sent {
    nanoseconds due;
    std::vector<proposal> proposals;
  };

  struct told {
    nanoseconds due;
    raft_status status;
  };

  struct member {
    member_id id;
    boot_count boot;
    nanoseconds clock_offset{};
    std::unique_ptr<storage::memory_disk> disk = std::make_unique<storage::memory_disk>();
    std::unique_ptr<storage::memory_engine> engine;
    std::unique_ptr<mvcc::store> store;
    std::unique_ptr<apply::apply_core> applier;
    std::unique_ptr<lease_core> core;
    /// On the way to the log; in order.
    std::deque<sent> outbox;
    std::deque<told> status;
    /// Renewals that wait: by lease.
    std::map<std::int64_t, int> waiting;
  };

  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_);
  }

  time_point local(const member& m) const {
    return time_point{now_ + m.clock_offset};
  }

  /// Nobody gets anything done for a while, which may make everything so much later.
  void stall(nanoseconds span) {
    now_ += span;
    for (auto& [id, p] : living_)
      p.bound += span;
  }

  nanoseconds delay() {
    return calm_ || pick(3) == 0 ? 0ns : 1ms * pick(700);
  }

  void start(member& m) {
    m.boot = m.boot + 1;
    m.clock_offset = 1ms * pick(10'000'000);
    m.engine = std::make_unique<storage::memory_engine>(*m.disk, "state");
    m.store = std::make_unique<mvcc::store>(*m.engine);
    m.applier = std::make_unique<apply::apply_core>(
      *m.store, apply::apply_identity{{11}, m.id, m.boot}, apply::auto_compaction{{}, {}});
    m.core = std::make_unique<lease_core>(
      load_leases(*m.store, {.election_timeout = election_timeout,
                             .checkpoint_interval = checkpoint_interval,
                             .max_expiries = 1 + pick(3),
                             .max_checkpoints = 1 + pick(3)}));
    lease_output out;
    m.core->on(lease_changes{.upto = m.store->applied()}, local(m), out);
  }

  void restart(member& m) {
    m.engine->crash();
    m.core.reset();
    m.applier.reset();
    m.store.reset();
    m.engine.reset();
    m.outbox.clear();
    m.status.clear();
    m.waiting.clear();
    start(m);
    if (leader_ == m.id)
      elect();
  }

  /// Old leaders hear of a new one within an election timeout, when they step down anyway; often
  /// only then.
  nanoseconds news_delay(bool elected) {
    if (calm_ || (elected && pick(3) > 0))
      return 0ns;
    return !elected && pick(2) == 0 ? nanoseconds{950ms} : 1ms * pick(900);
  }

  void elect() {
    leader_ = members_[pick(3)].id;
    term_ = term_ + 1;
    log_.push_back({.id = {term_, {log_.size() + 1}}, .kind = entry_kind::term_start});
    for (auto& m : members_) {
      raft_status status{.role = m.id == leader_ ? raft_role::leader : raft_role::follower,
                         .term = term_,
                         .leader = leader_};
      auto due = now_ + news_delay(m.id == leader_);
      if (!m.status.empty())
        due = std::max(due, m.status.back().due);
      m.status.push_back({due, status});
    }
  }

  void deliver() {
    for (auto& m : members_) {
      for (; !m.status.empty() && m.status.front().due <= now_; m.status.pop_front())
        step(m, [&](lease_output& out) { m.core->on(m.status.front().status, local(m), out); });
      while (!m.outbox.empty() && m.outbox.front().due <= now_) {
        auto proposals = std::move(m.outbox.front().proposals);
        m.outbox.pop_front();
        append_or_refuse(m, proposals);
      }
    }
  }

  /// As member does: the leader appends all or refuses all.
  void append_or_refuse(member& m, const std::vector<proposal>& proposals) {
    bool refused = leader_ != m.id || (!calm_ && pick(6) == 0);
    std::vector<std::uint64_t> counters;
    for (const auto& p : proposals) {
      counters.push_back(p.counter);
      if (!refused)
        append(p.payload, {m.id, m.boot, p.counter});
    }
    if (refused && (calm_ || pick(8) > 0 || leader_ == m.id))
      m.core->on(propose_refused{counters, errc::not_leader});
  }

  void append(blob payload, entry_origin origin) {
    log_.push_back({.id = {term_, {log_.size() + 1}},
                    .kind = entry_kind::command,
                    .origin = origin,
                    .payload = std::move(payload)});
    appended_at_[log_.size()] = now_;
  }

  void append(command_kind kind, const google::protobuf::MessageLite& request) {
    append(encode_command(kind, request.SerializeAsString()), {leader_, {}, 0});
  }

  void apply(member& m, std::size_t most) {
    auto from = m.store->applied().index.value;
    auto upto = from + std::min(most, log_.size() - from);
    // One at a time, to know which entry did what.
    for (auto index = from; index < upto; ++index) {
      apply::apply_output out;
      m.applier->apply(std::span{&log_[index], 1}, out);
      for (const auto& change : out.leases.changes)
        note(change, index + 1);
      step(m, [&](lease_output& decided) { m.core->on(out.leases, local(m), decided); });
    }
  }

  /// The first member that applies an entry says what it did.
  void note(const lease_change& change, std::size_t index) {
    if (index <= noted_)
      return;
    auto by_client = decode_command(log_[index - 1].payload)->kind == command_kind::lease_revoke;
    auto at = appended_at_[index];
    switch (change.kind) {
    case lease_change::what::granted:
      living_[change.lease.value] = {change.lease.value, seconds{change.seconds},
                                     at + seconds{change.seconds},
                                     now_ + seconds{change.seconds} + slack, index};
      break;
    case lease_change::what::revoked: {
      auto found = living_.find(change.lease.value);
      ASSERT_NE(found, living_.end());
      if (!by_client) {
        ++expired;
        EXPECT_GE(at, found->second.until) << "lease " << change.lease.value << " ended early";
        EXPECT_LE(at, found->second.bound) << "lease " << change.lease.value << " ended late";
      }
      living_.erase(found);
      break;
    }
    case lease_change::what::checkpointed:
      checkpoints += change.seconds > 0 ? 1 : 0;
      break;
    }
  }

  template <class Decide>
  void step(member& m, Decide decide) {
    lease_output out;
    bool led = m.core->leads();
    decide(out);
    noted_ = std::max(noted_, m.store->applied().index.value);
    if (out.promoted)
      promoted();
    if (led || out.promoted)
      retry(m, out);
    // As clients do that have waited for a leader.
    if (calm_ && out.promoted)
      for (const auto& [id, p] : std::map{living_})
        renew(m, id);
    send(m, out);
  }

  void send(member& m, lease_output& out) {
    if (out.to_propose.empty())
      return;
    auto due = now_ + delay();
    if (!m.outbox.empty())
      due = std::max(due, m.outbox.back().due);
    m.outbox.push_back({due, std::move(out.to_propose)});
  }

  /// DESIGN's bound: a checkpoint interval, an election timeout and the down time for each
  /// election.
  void promoted() {
    auto down = now_ - led_until_;
    for (auto& [id, p] : living_)
      p.bound += checkpoint_interval + election_timeout + down + slack;
  }

  void note_leadership() {
    if (std::ranges::any_of(members_,
                            [this](const member& m) { return m.id == leader_ && m.core->leads(); }))
      led_until_ = now_;
  }

  void tick(member& m) {
    step(m, [&](lease_output& out) { m.core->on_tick(local(m), out); });
  }

  void retry(member& m, const lease_output& decided) {
    auto ask = [&](std::int64_t id) {
      auto found = m.waiting.find(id);
      if (found == m.waiting.end())
        return;
      m.waiting.erase(found);
      renew(m, id);
    };
    if (decided.promoted)
      for (const auto& [id, count] : std::map{m.waiting})
        ask(id);
    for (auto lease : decided.settled)
      ask(lease.value);
  }

  void renew(member& m, std::int64_t id) {
    std::int64_t ttl = 0;
    auto result = m.core->renew({id}, local(m), ttl);
    auto found = living_.find(id);
    if (result == renewal::wait)
      m.waiting[id] = 1;
    if (found == living_.end() || !m.core->leads())
      return;
    // It renews the lease that had the id before, of whose end it has not heard.
    if (m.store->applied().index.value < found->second.granted_at)
      return;
    // Also one that is not acknowledged may make the lease live longer.
    found->second.bound = std::max(found->second.bound, now_ + found->second.ttl + slack);
    if (result != renewal::renewed)
      return;
    ++renewals;
    EXPECT_EQ(seconds{ttl}, found->second.ttl);
    found->second.until = std::max(found->second.until, now_ + found->second.ttl);
    // It leaves nothing of what elections have added.
    if (calm_ && m.id == leader_)
      found->second.bound = now_ + found->second.ttl + calm_slack;
  }

  template <class Choice>
  void renew(std::int64_t id, Choice with) {
    for (auto& m : members_)
      if (m.core->leads() && with(m))
        step(m, [&](lease_output& out) {
          renew(m, id);
          m.core->propose_due(local(m), out);
        });
  }

  void client() {
    auto id = static_cast<std::int64_t>(pick(6)) - 2;
    if (id == 0)
      return;
    switch (pick(12)) {
    case 0:
    case 1: {
      etcdserverpb::LeaseGrantRequest request;
      request.set_id(id);
      request.set_ttl(static_cast<std::int64_t>(2 + pick(pick(3) == 0 ? 60 : 6)));
      return append(command_kind::lease_grant, request);
    }
    case 2:
      if (pick(8) == 0) {
        etcdserverpb::LeaseRevokeRequest request;
        request.set_id(id);
        append(command_kind::lease_revoke, request);
      }
      return;
    case 3: {
      etcdserverpb::PutRequest request;
      request.set_key("k" + std::to_string(pick(5)));
      request.set_lease(id);
      return append(command_kind::put, request);
    }
    case 4:
    case 5:
    case 6:
    case 7:
      if (!lazy_ || pick(20) == 0)
        renew(id, [](const member&) { return true; });
      return;
    case 8:
    case 9:
      // Who still talks to a leader that was deposed.
      return renew(id, [this](const member& m) { return m.id != leader_; });
    default:
      return;
    }
  }

  std::mt19937_64 random_;
  nanoseconds now_ = 1h;
  bool calm_ = false;
  /// One election in so many steps.
  std::size_t unrest_ = 0;
  /// Clients seldom renew.
  bool lazy_ = false;
  term_t term_;
  member_id leader_;
  std::vector<member> members_;
  std::vector<entry> log_;
  std::map<std::size_t, nanoseconds> appended_at_;
  /// Granted and not ended as of the entry that the farthest member has applied.
  std::map<std::int64_t, promise> living_;
  std::size_t noted_ = 0;
  /// Some member has led, known to itself, until then.
  nanoseconds led_until_ = 1h;
};

TEST(lease_history_test, no_lease_ends_early_or_later_than_the_bound) {
  std::size_t expired = 0;
  std::size_t renewals = 0;
  std::size_t checkpoints = 0;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    cluster world{seed};
    for (int n = 0; n < 400; ++n)
      world.step();
    world.settle();
    ASSERT_FALSE(testing::Test::HasFailure());
    expired += world.expired;
    renewals += world.renewals;
    checkpoints += world.checkpoints;
  }
  // The histories are worth something only if much happens in them.
  EXPECT_GT(expired, 5'000u);
  EXPECT_GT(renewals, 5'000u);
  EXPECT_GT(checkpoints, 1'000u);
}

} // namespace
} // namespace troupe::lease
