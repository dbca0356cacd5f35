#pragma once

#include <string>

namespace troupe::raft {

/// Plays a script and returns it with what happens now as its output. A script is made of blocks,
/// parted by an empty line: comments (`# ...`) and commands, a line `----`, and what the commands
/// made the members do. Every command sees what the ones before left.
///
///   cluster N [append_bytes=B]   members 1 to N, which start with their first use
///   disk-of M term=T vote=V log=T1,T2,...   what M finds on its disk; the terms of its entries
///   campaign M              ticks until M asks for votes
///   tick M
///   propose M TEXT
///   read M ROUND            asks M for a read index
///   deliver [FROM TO]       all messages now on their way, or only these; not what they cause
///   drop [FROM TO]          the same, but lost
///   write M                 the oldest open write of M is on disk, and M hears of it
///   settle                  delivers and writes until nothing is left
///   crash M, start M        a crash loses the open writes
///   show                    every member's role, term, commit index and log
std::string play_dialogue(const std::string& script);

} // namespace troupe::raft
