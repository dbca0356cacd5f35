#pragma once

#include <string>

namespace troupe::raft {

/// Plays a script and returns it with what happens now as its output. A script is made of blocks,
/// parted by an empty line: comments (`# ...`) and commands, a line `----`, and what the commands
/// made the members do. Every command sees what the ones before left.
///
///   cluster N [voters=K] [pre_vote=off] [append_bytes=B] [tail_bytes=B]
///                           members 1 to N, which start with their first use; the first K, or all,
///                           found the cluster
///   disk-of M term=T vote=V log=T1,T2,...   what M finds on its disk; the terms of its entries
///   campaign M              ticks until M asks for votes
///   tick M [TIMES]
///   propose M TEXT
///   read M ROUND            asks M for a read index
///   change M KIND ID ...    asks M to add, add_learner, promote or remove these, all at once
///   transfer M TO           asks M to hand over
///   lost M PEER, found M PEER   M's link to PEER broke, or stands
///   snapshot FROM TO        TO starts anew from the state of FROM, which hears so
///   apply                   everyone's state machine does what it was given
///   deliver [FROM TO]       all messages now on their way, or only these; not what they cause
///   drop [FROM TO]          the same, but lost
///   write M                 the oldest open write of M is on disk, and M hears of it
///   settle                  delivers and writes until nothing is left
///   crash M, start M        a crash loses the open writes
///   show                    every member's role, term, commit index and log
std::string play_dialogue(const std::string& script);

} // namespace troupe::raft
