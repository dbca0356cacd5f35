#include "test/actors/raft/oracle.hpp"

#include "actors/raft/core/invariants.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

void demand(bool fact, const char* what) {
  if (!fact)
    throw violation{what};
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
  const auto& hard = from.disk.hard;
  demand(hard.term == rpc.term && hard.voted_for == from.id(),
         "who asks for votes has its own on disk");
}

void oracle::check_promise(const cluster_member& from, const request_vote_reply& reply,
                           member_id to) {
  const auto& hard = from.disk.hard;
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

void oracle::became(const cluster_member& by) {
  if (!by.leader())
    return;
  ++elections;
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
