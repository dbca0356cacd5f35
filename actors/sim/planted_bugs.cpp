#include "actors/sim/planted_bugs.hpp"

#include <algorithm>
#include <array>

namespace troupe::sim {

namespace {

constexpr std::array bugs{
  bug_entry{planted_bug::skip_sync, "skip_sync", "one sync of the disk in four does nothing"},
  bug_entry{planted_bug::vote_before_durable, "vote_before_durable",
            "votes and terms leave before they are on disk"},
  bug_entry{planted_bug::ack_before_durable, "ack_before_durable",
            "entries are acknowledged before they are on disk"},
  bug_entry{planted_bug::commit_on_receipt, "commit_on_receipt",
            "a leader tells followers that what it sends them is committed"},
  bug_entry{planted_bug::read_without_round, "read_without_round",
            "a leader serves reads without asking whether it still leads"},
  bug_entry{planted_bug::forget_vote, "forget_vote", "a restart forgets who got the vote"},
  bug_entry{planted_bug::forget_boot, "forget_boot", "the boot count is 1 at every start"},
  bug_entry{planted_bug::duplicate_proposal, "duplicate_proposal",
            "one proposal in twenty is handed on twice"},
  bug_entry{planted_bug::lose_batch, "lose_batch",
            "the store loses one batch at a crash and keeps those after it"},
  bug_entry{planted_bug::repeat_apply, "repeat_apply",
            "the store keeps data at a crash and forgets which entries it came from"},
};

} // namespace

std::span<const bug_entry> planted_bugs() {
  return bugs;
}

planted_bug parse_planted_bug(std::string_view name) {
  auto found = std::ranges::find(bugs, name, &bug_entry::name);
  if (found != bugs.end())
    return found->bug;
  std::string all;
  for (const auto& each : bugs)
    all += (all.empty() ? "" : ", ") + std::string{each.name};
  throw unknown_bug{"no bug is called '" + std::string{name} + "'; there are " + all};
}

} // namespace troupe::sim
