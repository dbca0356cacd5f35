#pragma once

#include "messages/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::raft {

/// A read index that somebody waits for.
struct waiting_read {
  /// The leader itself, or the follower that forwarded it.
  member_id from;
  boot_count boot;
  std::uint64_t round = 0;
};

/// The reads that wait at a leader (thesis 6.4). Each round has a number of its own and serves the
/// reads that came before it began; those that come meanwhile share the next one.
class read_rounds {
public:
  void add(waiting_read read) {
    waiting_.push_back(read);
  }

  std::size_t size() const {
    return waiting_.size() + in_round_.size();
  }

  /// Number of the newest round; 0 before the first.
  std::uint64_t round() const {
    return round_;
  }

  bool under_way() const {
    return !in_round_.empty();
  }

  bool may_begin() const {
    return !waiting_.empty() && in_round_.empty();
  }

  /// @param commit the leader's commit index now.
  void begin(log_index commit) {
    in_round_ = std::exchange(waiting_, {});
    index_ = commit;
    ++round_;
  }

  /// What the reads of the round under way have to see.
  log_index index() const {
    return index_;
  }

  /// A quorum has answered: hands out the reads of the round.
  std::vector<waiting_read> finish() {
    return std::exchange(in_round_, {});
  }

  /// Hands out all reads; nobody will serve them here.
  std::vector<waiting_read> drop() {
    auto result = std::exchange(in_round_, {});
    result.insert(result.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
    return result;
  }

private:
  std::uint64_t round_ = 0;
  log_index index_;
  std::vector<waiting_read> in_round_;
  std::vector<waiting_read> waiting_;
};

} // namespace troupe::raft
