#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

namespace troupe::raft {

/// How the term of a message stands to ours (paper 5.1, and figure 2, "rules for servers").
enum class term_order { stale, current, newer };

term_order compare(term_t theirs, term_t ours);

/// A newer term ends the role of a candidate or leader; the follower that comes next deals with the
/// message.
role_change step_down(replica state);

/// Whether `rpc`, of our term, gets our vote: nobody else has it, and the candidate's log is not
/// behind ours (paper 5.2, 5.4.1).
bool may_vote_for(const replica& state, const request_vote& rpc);

/// "No", with our term, by which a stale candidate learns of the newer one.
envelope deny_vote(const replica& state, const request_vote& rpc);

/// "No", with our term, by which a stale leader learns of the newer one.
envelope refuse_append(const replica& state, const append& rpc);

/// Refuses what only a leader may take.
propose_refused refuse(const propose& request, errc reason);

/// Whether an append makes sense in itself: entries follow `prev` without a gap, with terms that
/// never fall and do not exceed the leader's. Anything else is bad input and is dropped.
bool is_well_formed(const append& rpc);

} // namespace troupe::raft
