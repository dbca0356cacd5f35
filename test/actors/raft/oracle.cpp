#include "test/actors/raft/oracle.hpp"

#include "actors/raft/core/invariants.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

void demand(bool fact, const char* what) {
  if (!fact)
    throw violation{what};
}

/// Counted here anew, not by the rules under test.
template <class Predicate>
bool most_of(const std::map<member_id, configured_member>& members, Predicate agrees) {
  std::size_t voters = 0;
  std::size_t votes = 0;
  for (const auto& [id, member] : members) {
    if (member.is_learner)
      continue;
    ++voters;
    votes += agrees(id) ? 1 : 0;
  }
  return 2 * votes > voters;
}

template <class Predicate>
bool decided(const configuration& by, Predicate agrees) {
  return most_of(by.members, agrees) && (by.outgoing.empty() || most_of(by.outgoing, agrees));
}

/// The newest configuration of a member, read from its log; empty if it is not in the kept tail.
std::optional<entry> newest_configuration(const log_view& log, log_index upto) {
  for (auto i = upto; i > log.before_first().index; i = i - 1)
    if (log.at(i).kind == entry_kind::configuration)
      return log.at(i);
  return std::nullopt;
}

/// The configuration that a member has to go by.
configuration in_force(const cluster_member& member) {
  const auto& log = member.state().log();
  if (auto found = newest_configuration(log, log.last().index))
    return *decode_configuration(found->payload);
  auto result = member.disk.founding;
  const auto forgotten =
    std::min<std::size_t>(log.before_first().index.value, member.disk.log.size());
  for (std::size_t i = 0; i < forgotten; ++i)
    if (member.disk.log[i].kind == entry_kind::configuration)
      result = *decode_configuration(member.disk.log[i].payload);
  return result;
}

bool on_disk(const cluster_member& member, entry_id id) {
  const auto& log = member.disk.log;
  return id == entry_id{} || (id.index.value <= log.size() && log[id.index.value - 1].id == id);
}

} // namespace

void oracle::sent(const cluster_member& from, member_id to, const peer_message& message) {
  if (auto* request = std::get_if<request_vote>(&message))
    check_promise(from, *request);
  else if (auto* vote = std::get_if<request_vote_reply>(&message))
    check_promise(from, *vote, to);
  else if (auto* reply = std::get_if<append_reply>(&message))
    check_promise(from, *reply);
}

void oracle::check_promise(const cluster_member& from, const request_vote& rpc) {
  if (rpc.pre)
    return;
  const auto& hard = from.disk.hard;
  demand(hard.term == rpc.term && hard.voted_for == from.id(),
         "who asks for votes has its own on disk");
}

void oracle::check_promise(const cluster_member& from, const request_vote_reply& reply,
                           member_id to) {
  const auto& hard = from.disk.hard;
  if (reply.pre)
    return;
  demand(hard.term >= reply.term, "the term of a vote answer is on disk");
  if (!reply.granted)
    return;
  demand(hard.term == reply.term && hard.voted_for == to, "a vote is on disk before it leaves");
  auto [vote, first] = votes_.try_emplace({reply.term, from.id()}, to);
  demand(first || vote->second == to, "one vote per term, also over a crash (5.2)");
}

void oracle::check_promise(const cluster_member& from, const append_reply& reply) {
  demand(from.disk.hard.term >= reply.term, "the term of an append answer is on disk");
  if (!reply.success)
    return;
  demand(from.disk.log.size() >= reply.match.value, "what an append answer claims is on disk");
  if (auto term = from.state().log().term_at(reply.match))
    demand(on_disk(from, {*term, reply.match}), "and is what the log holds");
}

void oracle::written(const cluster_member& by, const persist& batch) {
  if (!batch.entries.empty() && batch.entries.front().id.index.value <= by.disk.log.size())
    ++overwritten;
  for (const auto& each : batch.entries) {
    if (each.kind == entry_kind::configuration && by.leader() && each.id.term == by.state().term())
      check_change(by, each);
    auto before = entry_id{};
    // Of an entry's predecessor the writer's log knows the term; in a batch it is the one before.
    if (&each != &batch.entries.front())
      before = (&each - 1)->id;
    auto [known, first] = entries_.try_emplace(each.id, each, before);
    demand(known->second.first == each, "one entry per term and index (5.3, log matching)");
  }
}

void oracle::committed(const cluster_member& by, const std::vector<entry>& entries) {
  auto& next = next_to_apply_[by.id()];
  for (const auto& each : entries) {
    demand(each.id.index == next, "each entry is applied once, in order");
    next = next + 1;
    demand(on_disk(by, each.id), "the state does not run ahead of the own log");
    // `stepped` tells the term; an index known before must not get another entry.
    auto known = committed_.try_emplace(each.id.index, fate{each, term_t{~std::uint64_t{0}}}).first;
    demand(known->second.what == each, "all members apply the same (state machine safety)");
  }
}

void oracle::refused(const cluster_member&, const propose_refused& refused) {
  refusals += refused.counters.size();
  for (auto counter : refused.counters) {
    demand(!committed_counters_.contains(counter), "refused means not executed");
    refused_counters_.insert(counter);
  }
}

void oracle::answered(const cluster_member&, const read_index_reply& reply) {
  auto asked = reads_.find(reply.round);
  demand(asked != reads_.end(), "one answer for each read");
  if (reply.error == errc::none) {
    ++reads_served;
    demand(reply.index >= asked->second, "a read sees what was committed before it (thesis 6.4)");
  }
  reads_.erase(asked);
}

void oracle::answered(const cluster_member&, const transfer_reply& reply) {
  demand(transfers_.erase(reply.request) == 1, "one answer for each transfer");
  handovers += reply.error == errc::none ? 1 : 0;
}

void oracle::was_asked(const cluster_member& by, const hard_state& before) {
  ++questions;
  const auto& now = by.state().hard();
  demand(now.term == before.term && now.voted_for == before.voted_for,
         "a question changes neither term nor vote (thesis 9.6)");
}

void oracle::check_election(const cluster_member& leader) const {
  const auto term = leader.state().term();
  const auto& hard = leader.disk.hard;
  demand(decided(in_force(leader),
                 [&](member_id id) {
                   if (id == leader.id())
                     return hard.term == term && hard.voted_for == id;
                   auto vote = votes_.find({term, id});
                   return vote != votes_.end() && vote->second == leader.id();
                 }),
         "a leader has the votes of a majority, of either half of a joint configuration");
}

void oracle::check_commit(const cluster_member& leader) const {
  const auto& state = leader.state();
  const auto newest = entry_id{*state.log().term_at(state.commit_index()), state.commit_index()};
  demand(newest.term == state.term(), "only entries of the own term are committed by counting");
  demand(decided(in_force(leader),
                 [&](member_id id) { return on_disk(*cluster_->members().at(id), newest); }),
         "what is committed is on the disks of a majority, of either half of a joint one");
}

void oracle::check_change(const cluster_member& by, const entry& what) {
  if (!changes_.insert(what.id).second)
    return;
  ++configurations;
  const auto& state = by.state();
  const auto& log = state.log();
  demand(log.term_at(state.commit_index()) == state.term(),
         "no change before an entry of the own term is committed (checklist 27)");
  const auto before = newest_configuration(log, what.id.index - 1);
  demand(!before || before->id.index <= state.applied_index(),
         "one change at a time: the one before is committed and applied");
  const auto next = *decode_configuration(what.payload);
  joint += next.is_joint() ? 1 : 0;
  if (!before)
    return;
  const auto last = *decode_configuration(before->payload);
  for (auto id : last.removed)
    demand(!next.contains(id), "who was removed does not come back");
  if (last.is_joint()) {
    demand(next.members == last.members && !next.is_joint(), "a joint configuration is left whole");
  } else if (next.is_joint()) {
    demand(most_of(next.outgoing, [&](member_id id) { return last.voters().contains(id); })
             && next.outgoing.size() == last.voters().size(),
           "the outgoing half is the configuration before");
  } else {
    std::size_t changed = 0;
    const auto ours = next.voters();
    const auto theirs = last.voters();
    for (auto id : ours)
      changed += !theirs.contains(id);
    for (auto id : theirs)
      changed += !ours.contains(id);
    demand(changed <= 1, "only one vote changes at once without a joint configuration");
  }
}

void oracle::became(const cluster_member& by) {
  if (!by.leader())
    return;
  ++elections;
  check_election(by);
  const auto term = by.state().term();
  auto [leader, first] = leaders_.try_emplace(term, by.id());
  demand(first, "at most one leader per term (election safety)");
  for (const auto& [index, fate] : committed_)
    if (fate.seen_in < term && index > by.state().log().before_first().index)
      demand(by.state().log().holds(fate.what.id), "a leader has all committed (completeness)");
}

void oracle::stepped(const cluster_member& by) {
  const auto& state = by.state();
  if (by.leader())
    check(*by.leader());
  else
    check(state);
  auto& commit_before = commit_of_[by.id()];
  if (by.leader() && state.commit_index() > commit_before)
    check_commit(by);
  commit_before = state.commit_index();
  // Log matching (figure 3): the entry before one is the same in every log that holds the one.
  const auto& log = state.log();
  for (auto i = log.before_first().index + 1; i <= log.last().index; i = i + 1) {
    const auto before = i == log_index{1} ? entry_id{} : entry_id{*log.term_at(i - 1), i - 1};
    auto& known = entries_.at(log.at(i).id).second;
    if (known == entry_id{})
      known = before;
    demand(known == before, "equal entries have equal predecessors (log matching)");
  }
  for (auto i = std::max(log.before_first().index + 1, commit_ + 1); i <= state.commit_index();
       i = i + 1) {
    const auto& what = log.at(i);
    auto& known = committed_.try_emplace(i, fate{what, state.term()}).first->second;
    known.seen_in = std::min(known.seen_in, state.term());
    if (what.origin.counter != 0) {
      demand(!refused_counters_.contains(what.origin.counter), "refused means not executed");
      demand(committed_counters_.insert(what.origin.counter).second, "nothing is appended twice");
    }
  }
  commit_ = std::max(commit_, state.commit_index());
  for (auto i = log.before_first().index + 1; i <= state.commit_index(); i = i + 1)
    demand(committed_.at(i).what == log.at(i), "what is committed stays (state machine safety)");
}

} // namespace troupe::raft
