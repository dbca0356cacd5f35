#include "actors/sim/raft_oracle.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <variant>

namespace troupe::sim {

namespace {

std::string show(member_id id) {
  return "member " + std::to_string(id.value);
}

std::string show(entry_id id) {
  return std::to_string(id.term.value) + "/" + std::to_string(id.index.value);
}

void demand(bool fact, const std::string& what) {
  if (!fact)
    throw violation{what};
}

std::uint64_t digest_of(const entry& x) {
  auto mix = [](std::uint64_t a, std::uint64_t b) { return (a ^ b) * 0x9e3779b97f4a7c15; };
  auto result = mix(static_cast<std::uint64_t>(x.kind), x.origin.member.value);
  result = mix(mix(result, x.origin.boot.value), x.origin.counter);
  return mix(result, std::hash<std::string_view>{}(x.payload.view()));
}

/// Whether the log on disk has, or had, this entry.
bool on_disk(const storage::raft_log& disk, entry_id id) {
  return disk.before_first().index > id.index || disk.term_of(id.index) == id.term;
}

} // namespace

void raft_oracle::started(member_id id, const raft::recovered_state& found) {
  auto& member = members_[id] = {};
  ++seen_.restarts;
  member.applied = found.applied;
  member.term = found.hard.term;
  const raft::log_view log{found.before_first, found.entries};
  const auto& promised = promises_[id];
  demand(found.hard.term >= promised.term, show(id) + " forgot a term over a restart");
  if (found.hard.term == promised.term && promised.vote != member_id{})
    demand(found.hard.voted_for == promised.vote, show(id) + " forgot its vote over a restart");
  // A newer leader may have replaced what an older one was told of.
  if (found.hard.term == promised.acked_in && promised.acked.index > log.before_first().index)
    demand(log.holds(promised.acked),
           show(id) + " forgot entry " + show(promised.acked) + " over a restart");
  check_log(member, log);
}

void raft_oracle::stepped(member_id id, const raft::replica& state, raft_role role) {
  auto& member = members_[id];
  demand(state.term() >= member.term, show(id) + ": its term falls");
  check_log(member, state.log());
  check_commit(member, state);
  bool elected =
    role == raft_role::leader && (member.role != raft_role::leader || member.term != state.term());
  member.role = role;
  member.term = state.term();
  if (elected)
    check_leader(id, state);
}

// Log matching (figure 3): one entry per term and index, and the entry before it is the same in
// every log that holds it.
void raft_oracle::check_log(observed& by, const raft::log_view& log) {
  const auto last = log.last().index;
  const auto first = log.before_first().index + 1;
  if (by.log.size() == last.value && (last < first || by.log.back() == log.last().term))
    return;
  auto i = last;
  for (; i >= first; i = i - 1) {
    const auto& next = log.at(i);
    if (i.value <= by.log.size() && by.log[i.value - 1] == next.id.term)
      break;
    seen_.overwritten += i.value <= by.log.size() ? 1 : 0;
    auto digest = digest_of(next);
    auto& known = entries_.try_emplace(next.id, known_entry{digest, {}}).first->second;
    demand(known.digest == digest, "two entries are " + show(next.id) + " (log matching)");
    auto before = i == first ? log.before_first() : log.at(i - 1).id;
    if (!known.before)
      known.before = before;
    demand(*known.before == before, "before " + show(next.id) + " stands " + show(before)
                                      + " here and " + show(*known.before)
                                      + " elsewhere (log matching)");
  }
  by.log.resize(last.value);
  for (i = i + 1; i <= last; i = i + 1)
    by.log[i.value - 1] = log.at(i).id.term;
}

void raft_oracle::check_commit(observed& by, const raft::replica& state) {
  const auto& log = state.log();
  demand(state.commit_index() >= by.commit, "a commit index falls");
  for (auto i = std::max(log.before_first().index, by.commit) + 1; i <= state.commit_index();
       i = i + 1) {
    const auto& what = log.at(i);
    auto [known, is_new] = committed_.try_emplace(i, fate{what.id, state.term()});
    demand(known->second.id == what.id, show(what.id) + " is committed where "
                                          + show(known->second.id) + " was (state machine safety)");
    known->second.seen_in = std::min(known->second.seen_in, state.term());
    if (is_new) {
      ++seen_.committed;
      const auto& origin = what.origin;
      if (origin.counter != 0)
        demand(origins_.insert({{origin.member, origin.boot}, origin.counter}).second,
               "the proposal in " + show(what.id) + " was committed before");
    }
  }
  by.commit = state.commit_index();
  commit_ = std::max(commit_, by.commit);
}

void raft_oracle::check_leader(member_id id, const raft::replica& state) {
  ++seen_.elections;
  const auto term = state.term();
  auto leader = leaders_.try_emplace(term, id).first->second;
  demand(leader == id, show(leader) + " and " + show(id) + " both lead term "
                         + std::to_string(term.value) + " (election safety)");
  for (const auto& [index, fate] : committed_)
    if (fate.seen_in < term && index > state.log().before_first().index)
      demand(state.log().holds(fate.id), show(id) + " leads term " + std::to_string(term.value)
                                           + " without the committed " + show(fate.id)
                                           + " (leader completeness)");
}

void raft_oracle::sent(member_id from, const storage::raft_log& disk, member_id to,
                       const raft::peer_message& message) {
  const auto& hard = disk.state();
  auto& promised = promises_[from];
  auto vote = [&](term_t term, member_id whom) {
    demand(hard.term > term || (hard.term == term && hard.voted_for == whom),
           show(from) + " tells of a vote that is not on its disk");
    auto known = votes_.try_emplace({term, from}, whom).first->second;
    demand(known == whom, show(from) + " votes twice in term " + std::to_string(term.value));
    if (term > promised.term || (term == promised.term && promised.vote == member_id{}))
      promised = {
        .term = term, .vote = whom, .acked = promised.acked, .acked_in = promised.acked_in};
  };
  if (const auto* request = std::get_if<request_vote>(&message)) {
    if (!request->pre)
      vote(request->term, from);
  } else if (const auto* reply = std::get_if<request_vote_reply>(&message)) {
    if (reply->pre)
      return; // changes nothing and promises nothing (thesis 9.6)
    demand(hard.term >= reply->term, show(from) + " tells of a term that is not on its disk");
    if (reply->granted)
      vote(reply->term, to);
  } else if (const auto* reply = std::get_if<append_reply>(&message)) {
    demand(hard.term >= reply->term, show(from) + " tells of a term that is not on its disk");
    if (!reply->success || hard.term != reply->term)
      return;
    demand(disk.last().index >= reply->match, show(from) + " acknowledges entry "
                                                + std::to_string(reply->match.value)
                                                + " that is not on its disk");
    auto term = disk.term_of(reply->match);
    if (term && (reply->term > promised.acked_in || reply->match > promised.acked.index)) {
      promised.acked = {*term, reply->match};
      promised.acked_in = reply->term;
    }
  }
}

void raft_oracle::applied(member_id id, const storage::raft_log& disk, entry_id upto) {
  auto& member = members_[id];
  if (upto == member.applied)
    return;
  demand(upto.index > member.applied.index, show(id) + ": what is applied goes back");
  auto known = committed_.find(upto.index);
  demand(known != committed_.end(),
         show(id) + " applies " + show(upto) + ", which is not committed");
  demand(known->second.id == upto, show(id) + " applies " + show(upto) + " where "
                                     + show(known->second.id)
                                     + " is committed (state machine safety)");
  demand(on_disk(disk, upto), show(id) + ": its state runs ahead of its own log at " + show(upto));
  member.applied = upto;
}

} // namespace troupe::sim
