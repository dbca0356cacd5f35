#pragma once

#include "actors/sim/trace.hpp"

#include <deque>
#include <string>

namespace troupe::sim {

/// Draws what happened last as an SVG: a lane for each node, time from top to bottom, an arrow for
/// each message (red and broken off if it was lost), faults and roles as marks. Who points at an
/// arrow is shown what it carries.
/// @param span how much of the time before the last event is drawn.
std::string draw_timeline(const std::deque<trace_event>& events, unsigned nodes, sim_time span,
                          const std::string& title);

} // namespace troupe::sim
