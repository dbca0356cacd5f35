#pragma once

#include "apps/troupectl/range_pages.hpp"

/// What distinguishes two states of a range.
namespace troupe::ctl {

struct key_difference {
  const mvccpb::KeyValue* before = nullptr; // null: added
  const mvccpb::KeyValue* after = nullptr;  // null: removed
};

/// Merges two sources in the order of their keys, a page of each in memory. A key differs if its
/// value or its lease does; one that was put again as it was does not. The pointers hold during
/// the call.
/// @returns how many keys differ
std::int64_t for_each_difference(const page_source& before, const page_source& after,
                                 const std::function<void(const key_difference&)>& found);

} // namespace troupe::ctl
