#pragma once

#include "test/actors/raft/core_builder.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::raft {

inline request_vote vote_request(std::uint64_t term, entry_id last, member_id candidate = second) {
  return {.term = {term}, .candidate = candidate, .last = last};
}

inline append append_of(std::uint64_t term, entry_id prev, std::vector<entry> entries,
                        std::uint64_t commit = 0) {
  return {.term = {term},
          .leader = second,
          .prev = prev,
          .entries = std::move(entries),
          .commit = {commit}};
}

} // namespace troupe::raft
