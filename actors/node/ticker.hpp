#pragma once

#include "messages/raft.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <vector>

namespace troupe {

using tick_sink = caf::typed_actor<caf::reacts_to<tick>>;

/// Turns the passing of real time into ticks. The only actor of a node that waits for a clock; the
/// simulation has its own.
using ticker_actor = caf::typed_actor<caf::reacts_to<tick>>;

ticker_actor::behavior_type ticker_behavior(ticker_actor::pointer self,
                                            std::vector<tick_sink> sinks,
                                            std::chrono::milliseconds interval);

} // namespace troupe
