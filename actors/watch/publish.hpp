#pragma once

#include "messages/ids.hpp"
#include "storage/mvcc/event.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::watch {

/// From the applier to the hub, before the answers to the same entries leave: a client whose write
/// is answered does not see it in a watch that begins after that.
struct publish {
  /// Every change with a main revision in [first, last], by (main, sub); `first` follows the `last`
  /// of the message before. If only the floor or the term has moved, first is last + 1.
  std::int64_t first = 0;
  std::int64_t last = 0;
  /// The hub's from now on. Null: none.
  std::shared_ptr<std::vector<mvcc::event>> events;
  /// The compaction floor; -1: there is none.
  std::int64_t floor = -1;
  term_t term;
  /// The state holds all that this member knew to be committed when it started: what comes now is
  /// new. Once true it stays so.
  bool caught_up = true;
};

} // namespace troupe::watch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::watch::publish)
