#pragma once

#include "actors/watch/event_batch.hpp"
#include "actors/watch/watch_interest.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe::watch {

/// What of a window of revisions is asked for.
struct history_window {
  std::int64_t first = 0;
  std::int64_t last = 0;
  /// Of encodings; the first transaction comes even if it is larger.
  std::size_t max_bytes = 0;

  friend bool operator==(const history_window&, const history_window&) = default;
};

/// What was found in a window.
struct history_find {
  watch_events events;
  /// Everything up to here has been looked at; below the window's end if the bounds of a part were
  /// reached.
  std::int64_t last = 0;
};

/// Every change of some consecutive revisions, decoded and encoded, for all who read there. The
/// batch is shared and never changes.
class history_block {
public:
  /// @pre batch->events are all changes with revisions in [batch->first, batch->last], encoded
  /// without what was before.
  explicit history_block(std::shared_ptr<const event_batch> batch);

  const event_batch& events() const {
    return *batch_;
  }

  /// Memory it takes.
  std::size_t bytes() const {
    return bytes_;
  }

  /// The events of the interest, none of them with what was before. Holds at most 1000 revisions,
  /// as one response of etcd does.
  /// @pre the window begins in the block.
  history_find find(const watch_interest& interest, const history_window& window);

  /// Keeps an answer for whoever asks the same.
  void remember(const watch_interest& interest, const history_window& window,
                const history_find& found);

  /// An answer that was kept; null if there is none.
  const history_find* remembered(const watch_interest& interest,
                                 const history_window& window) const;

  /// The change of the same key before this one, if it is in the block.
  const mvcc::event* change_before(std::uint32_t position) const;

  /// The event with what was before, if it was wanted already.
  const batch_event* filled(std::uint32_t position) const;

  /// Keeps it for whoever wants it too. @returns what is kept.
  const batch_event& keep_filled(std::uint32_t position, batch_event event);

private:
  struct answer {
    watch_interest interest;
    history_window window;
    history_find found;
    std::size_t bytes = 0;
  };

  std::uint32_t position_of(std::int64_t revision) const;
  std::vector<std::uint32_t> matches(const watch_interest& interest, std::uint32_t begin,
                                     std::uint32_t end) const;
  void cut(std::vector<std::uint32_t>& positions, history_find& found, std::size_t max_bytes) const;

  std::shared_ptr<const event_batch> batch_;
  /// Positions by key, then position.
  std::vector<std::uint32_t> by_key_;
  std::unordered_map<std::uint32_t, batch_event> filled_;
  std::vector<answer> answers_;
  std::size_t next_answer_ = 0;
  std::size_t bytes_ = 0;
};

/// Memory of one event with all that it holds.
std::size_t memory_of(const batch_event& event);

} // namespace troupe::watch
