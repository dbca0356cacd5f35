#pragma once

#include "test/actors/raft/core_cluster.hpp"
#include "test/actors/raft/oracle.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace troupe::raft {

/// How much goes wrong in one run; each seed draws its own measure.
struct faults {
  // Of a hundred messages.
  unsigned lost;
  unsigned doubled;
  // Of a thousand steps.
  unsigned crashes;
  unsigned cuts;
  unsigned changes;
  unsigned transfers;

  static faults drawn(std::mt19937_64& chance) {
    auto upto = [&](unsigned most) { return static_cast<unsigned>(chance() % (most + 1)); };
    return {.lost = upto(20),
            .doubled = upto(20),
            .crashes = upto(25),
            .cuts = upto(15),
            .changes = upto(25),
            .transfers = upto(5)};
  }
};

/// One seeded life of a cluster: the seed decides what happens next, the oracle watches.
class random_life {
public:
  /// @param voters so many of the members found the cluster, or all; if not all do, the
  /// configuration changes now and then.
  random_life(std::uint64_t members, std::uint64_t seed, core_config config = {},
              std::uint64_t voters = ~std::uint64_t{0},
              const std::function<void(cluster_member&)>& sabotage = {})
      : cluster_(members, std::move(config), seed * 1000, judge, voters), chance_(seed),
        faults_(faults::drawn(chance_)), size_(members) {
    judge.watch(cluster_);
    if (voters >= members)
      faults_.changes = 0;
    for (const auto& [id, member] : cluster_.members()) {
      member->sabotage = sabotage;
      start(id);
    }
  }

  void run(unsigned steps) {
    for (unsigned i = 0; i < steps; ++i)
      step();
  }

  /// Faults end; whoever is down starts. @returns whether a new proposal is applied everywhere
  /// within `rounds` of ticks in which every message arrives and every write is done.
  bool recovers(unsigned rounds) {
    cluster_.heal();
    for (const auto& [id, member] : cluster_.members())
      if (!member->runs())
        start(id);
    for (unsigned i = 0; i < rounds; ++i) {
      if (auto* leader = find_leader(); leader && i % 10 == 0)
        propose(*leader);
      for (const auto& [id, member] : cluster_.members())
        member->take(tick{});
      settle();
      if (everyone_has_committed(last_proposed_))
        return true;
    }
    return false;
  }

  using direction = std::pair<member_id, member_id>;

  /// Nothing else goes wrong, but these ways are cut and stay so. @returns whether one member leads
  /// undisturbed and commits, after `rounds` of ticks to come to it.
  bool is_led_without(const std::set<direction>& cuts, unsigned rounds) {
    for (const auto& [from, to] : cuts)
      cluster_.cut(from, to);
    auto pass = [&](unsigned count) {
      for (; count > 0; --count) {
        for (const auto& [id, member] : cluster_.members())
          member->take(tick{});
        settle();
      }
    };
    pass(rounds);
    auto* leader = find_leader();
    if (!leader)
      return false;
    const auto term = leader->state().term();
    propose(*leader);
    pass(rounds);
    return find_leader() == leader && leader->state().term() == term
           && judge.is_committed(last_proposed_);
  }

  /// For a message about a failure: where everybody stands.
  std::string picture() {
    std::ostringstream out;
    for (const auto& [id, member] : cluster_.members()) {
      const auto status = member->status();
      const auto& state = member->state();
      out << "\n"
          << id.value << ": role " << static_cast<int>(status.role) << " term " << status.term.value
          << " leader " << status.leader.value << " commit " << status.commit.value << " applied "
          << state.applied_index().value << " last " << status.last.value << " kept behind "
          << state.log().before_first().index.value << " voters";
      for (auto voter : state.voters().incoming)
        out << " " << voter.value;
      for (auto voter : state.voters().outgoing)
        out << " -" << voter.value;
      if (const auto* leader = member->leader())
        for (const auto& [to, follower] : leader->followers())
          out << "\n  " << to.value << ": mode " << static_cast<int>(follower.state) << " next "
              << follower.next_index.value << " match " << follower.match_index.value
              << (follower.leaving ? " leaving" : "");
    }
    return out.str();
  }

  oracle judge;
  std::uint64_t snapshots = 0;

private:
  bool percent(unsigned wanted) {
    return chance_() % 100 < wanted;
  }

  cluster_member& any() {
    return cluster_.member({1 + chance_() % size_});
  }

  cluster_member* find_leader() {
    cluster_member* newest = nullptr;
    for (const auto& [id, member] : cluster_.members())
      if (member->leader() && (!newest || member->state().term() > newest->state().term()))
        newest = member.get();
    return newest;
  }

  void step() {
    if (chance_() % 1000 < faults_.crashes)
      return crash_or_start(any());
    if (chance_() % 1000 < faults_.cuts)
      return cut_or_heal();
    if (chance_() % 1000 < faults_.changes)
      return change_members();
    if (chance_() % 1000 < faults_.transfers)
      return hand_over();
    auto& member = any();
    if (!member.runs()) {
      if (percent(5))
        start(member.id());
      return;
    }
    if (member.leader() && percent(3))
      send_snapshot(member);
    const auto what = chance_() % 16;
    if (what < 3)
      return member.take(tick{});
    if (what < 5 && member.open_writes() > 0)
      return member.complete_write();
    if (what < 7 && member.disk_answers())
      return member.hear_from_disk();
    if (what < 8 && member.has_to_apply())
      return apply(member);
    if (what < 9)
      return propose(member);
    if (what < 10)
      return read(member);
    pass_a_message();
    if (percent(1) && member.runs())
      lose_or_find_link(member);
  }

  void lose_or_find_link(cluster_member& member) {
    if (percent(50))
      member.take(link_lost{any().id()});
    else
      member.take(link_found{any().id()});
  }

  void hand_over() {
    auto& member = any();
    if (!member.runs())
      return;
    judge.asked_transfer(++transfer_);
    member.take(transfer_leadership{transfer_, any().id()});
  }

  /// Asks the newest leader, or whoever takes itself for one, for some change that may make sense.
  void change_members() {
    auto* leader = percent(80) ? find_leader() : &any();
    if (!leader || !leader->leader())
      return;
    auto& member = *leader;
    using what = configuration_step::what;
    const auto& now = member.state().membership().what;
    configuration_change change;
    for (auto left = 1 + chance_() % 4; left > 0; --left) {
      const auto id = any().id();
      const auto known = now.members.find(id);
      if (known == now.members.end())
        change.steps.push_back({percent(50) ? what::add_voter : what::add_learner, id, {}, {}});
      else if (known->second.is_learner && percent(70))
        change.steps.push_back({what::promote, id, {}, {}});
      else if (now.voters().size() > 1)
        change.steps.push_back({what::remove, id, {}, {}});
    }
    if (!change.steps.empty())
      member.take(troupe::propose{
        {{.counter = ++counter_, .kind = entry_kind::configuration, .payload = encode(change)}}});
  }

  /// What a leader asked for arrives, or fails.
  void send_snapshot(cluster_member& leader) {
    const auto wanted = leader.take_wanted_snapshot();
    if (!wanted)
      return;
    auto& target = cluster_.member(wanted->to);
    const auto at = leader.state().applied_index();
    if (percent(20) || !target.runs())
      return leader.take(snapshot_result{wanted->to, {}, false});
    // It may have promised what comes behind: whoever holds the entry keeps its own log.
    const auto last = leader.disk.log.at(at.value - 1).id;
    if (target.state().log().holds(last) || target.state().applied_index() >= at)
      return leader.take(snapshot_result{wanted->to, last, true});
    cluster_.install_snapshot(leader.id(), wanted->to);
    ++snapshots;
    start(wanted->to);
    leader.take(snapshot_result{wanted->to, last, true});
  }

  void start(member_id id) {
    judge.started(id, cluster_.member(id).disk.flushed);
    cluster_.start(id);
  }

  void crash_or_start(cluster_member& member) {
    if (!member.runs())
      return start(member.id());
    // A crash keeps any number of the writes that nobody was told of.
    member.crash(chance_() % (member.open_writes() + 1));
  }

  void cut_or_heal() {
    if (percent(40))
      return cluster_.heal();
    const auto one = any().id();
    if (percent(40))
      return cluster_.cut(one, any().id());
    for (const auto& [other, member] : cluster_.members()) {
      cluster_.cut(one, other);
      cluster_.cut(other, one);
    }
  }

  void apply(cluster_member& member) {
    member.apply_next();
    if (percent(20))
      member.disk.flushed = member.state().applied_index();
  }

  void propose(cluster_member& to) {
    last_proposed_ = ++counter_;
    to.take(propose_of(counter_));
  }

  static troupe::propose propose_of(std::uint64_t counter) {
    return {{{.counter = counter, .payload = blob{std::to_string(counter)}}}};
  }

  void read(cluster_member& at) {
    judge.asked(++round_);
    at.take(read_index_request{round_});
  }

  void pass_a_message() {
    if (cluster_.network.empty())
      return;
    const auto position = chance_() % cluster_.network.size();
    const bool once = std::holds_alternative<forward_propose>(cluster_.network[position].message);
    if (!once && percent(faults_.doubled))
      cluster_.network.push_back(cluster_.network[position]);
    if (percent(faults_.lost))
      cluster_.network.erase(cluster_.network.begin() + static_cast<std::ptrdiff_t>(position));
    else
      cluster_.deliver(position);
  }

  void settle() {
    bool busy = true;
    while (busy) {
      busy = !cluster_.network.empty();
      while (!cluster_.network.empty())
        cluster_.deliver(0);
      for (const auto& [id, member] : cluster_.members()) {
        busy = busy || member->open_writes() > 0 || member->disk_answers();
        while (member->open_writes() > 0)
          member->complete_write();
        if (member->disk_answers())
          member->hear_from_disk();
        while (member->has_to_apply())
          member->apply_next();
        if (member->leader())
          send_snapshot(*member);
      }
    }
  }

  bool everyone_has_committed(std::uint64_t counter) {
    if (!judge.is_committed(counter))
      return false;
    const auto* leader = find_leader();
    if (!leader)
      return false;
    const auto& now = leader->state().membership().what;
    for (const auto& [id, member] : cluster_.members())
      if (now.contains(id) && member->state().applied_index() < judge.commit())
        return false;
    return !now.is_joint();
  }

  core_cluster cluster_;
  std::mt19937_64 chance_;
  faults faults_;
  std::uint64_t size_;
  std::uint64_t counter_ = 0;
  std::uint64_t last_proposed_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t transfer_ = 0;
};

} // namespace troupe::raft
