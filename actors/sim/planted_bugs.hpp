#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::sim {

/// Mistakes that a simulation has to find: each is made by a wrapper between two parts of a node,
/// never in the parts themselves.
enum class planted_bug : std::uint8_t {
  none,
  skip_sync,
  vote_before_durable,
  ack_before_durable,
  commit_on_receipt,
  read_without_round,
  forget_vote,
  forget_boot,
  duplicate_proposal,
  lose_batch,
  repeat_apply,
};

struct bug_entry {
  planted_bug bug = planted_bug::none;
  std::string_view name;
  std::string_view what;
};

/// All but `none`.
std::span<const bug_entry> planted_bugs();

/// There is no bug of that name; the text lists those there are.
class unknown_bug : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// @throws unknown_bug
planted_bug parse_planted_bug(std::string_view name);

} // namespace troupe::sim
