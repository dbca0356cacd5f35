#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

#include <vector>

namespace troupe::raft {

/// How the term of a message stands to ours (paper 5.1, and figure 2, "rules for servers").
enum class term_order { stale, current, newer };

term_order compare(term_t theirs, term_t ours);

/// What a member is that neither leads nor campaigns: a follower if it may, else a learner.
raft_role passive_role(const replica& state);

/// Ends the role of a candidate or leader. @param repeat the role that comes next deals with the
/// message that caused it, for example one of a newer term.
role_change step_down(replica state, bool repeat);

/// Whether `rpc`, of our term, gets our vote: nobody else has it, and the candidate's log is not
/// behind ours (paper 5.2, 5.4.1).
bool may_vote_for(const replica& state, const request_vote& rpc);

/// The answer to a request with `pre`: whether we would vote so in that term. A member that hears a
/// live leader would not, which keeps who merely lost touch from disturbing (thesis 4.2.3, 9.6).
envelope answer_pre_vote(const replica& state, const request_vote& rpc, bool hears_leader);

/// Asks one voter, or all others, for a vote of this term, or with `pre` of the next.
envelope ask_for_vote(const replica& state, member_id voter, bool pre, bool transfer);
std::vector<envelope> ask_for_votes(const replica& state, bool pre, bool transfer);

/// "No", with our term, by which a stale candidate learns of the newer one.
envelope deny_vote(const replica& state, const request_vote& rpc);

/// "No", with our term, by which a stale leader learns of the newer one.
envelope refuse_append(const replica& state, const append& rpc);

propose_refused refuse(const std::vector<proposal>& proposals, errc reason);

/// Whether an append makes sense in itself: entries follow `prev` without a gap, with terms that
/// never fall and do not exceed the leader's, and configurations can be read. Anything else is bad
/// input and is dropped.
bool is_well_formed(const append& rpc);

} // namespace troupe::raft
