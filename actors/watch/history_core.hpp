#pragma once

#include "actors/watch/event_batch.hpp"
#include "actors/watch/history_block.hpp"
#include "actors/watch/watch_interest.hpp"
#include "messages/errc.hpp"
#include "storage/mvcc/store.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace troupe::watch {

struct history_limits {
  /// Memory of the blocks that are kept.
  std::size_t cache_bytes = std::size_t{32} << 20;
  /// A block ends when it holds about this much.
  std::size_t block_bytes = std::size_t{1} << 20;
  /// Blocks one request may read from the store before it gets what was found so far: others wait.
  /// One that begins in a block at hand reads none.
  unsigned loads_per_request = 4;
};

/// What the store says of the past, for watchers that catch up. What one of them has read is kept
/// for a while, decoded and encoded, so that many at once cost little more than one.
class history_core {
public:
  /// @param store outlives it; only its functions for any thread are called.
  explicit history_core(const mvcc::store& store, history_limits limits = {});

  struct part {
    watch_events events;
    /// Everything of the interest from `first` to here is in `events` or was in earlier parts.
    std::int64_t last = 0;
    /// compacted: `first` is below `floor`; nothing else counts.
    errc error = errc::none;
    std::int64_t floor = -1;
  };

  /// The events of the interest in [first, last]; the part may end earlier, but after at least one
  /// more revision was looked at. Revisions the store does not have yet are not waited for.
  /// @throws storage_error
  part read(const watch_interest& interest, std::int64_t first, std::int64_t last,
            std::size_t max_bytes);

  /// Gives the events at these positions what the key was before, if it was there and compaction
  /// has left it, and their encoding with it. @throws storage_error
  void fill_previous(event_batch& batch, const std::vector<std::uint32_t>& which) const;

  /// Blocks that are kept, and their memory.
  std::size_t blocks() const {
    return blocks_.size();
  }

  std::size_t bytes() const {
    return bytes_;
  }

  /// Changes read from the store so far.
  std::uint64_t events_read() const {
    return events_read_;
  }

private:
  struct kept {
    history_block block;
    std::uint64_t used = 0;
  };

  using block_map = std::map<std::int64_t, kept>;

  history_block* block_at(std::int64_t revision, const mvcc::snapshot& snapshot, unsigned& loads);
  history_block* cached(std::int64_t revision);
  history_block* load(std::shared_ptr<event_batch> into, const mvcc::snapshot& snapshot);
  history_find find(history_block& block, const watch_interest& interest, history_window window,
                    const mvcc::snapshot& snapshot);
  void with_previous(history_block& block, history_find& found, const mvcc::snapshot& snapshot);
  block_map::iterator erase(block_map::iterator block);
  void drop_below(std::int64_t floor);
  void evict(const history_block& but);

  const mvcc::store& store_;
  const history_limits limits_;
  const std::shared_ptr<const event_batch> nothing_ = std::make_shared<event_batch>();
  /// By first revision; they do not overlap.
  block_map blocks_;
  std::size_t bytes_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t events_read_ = 0;
};

} // namespace troupe::watch
