#pragma once

#include <string>
#include <string_view>

namespace troupe::ctl {

/// The value of process_resident_memory_bytes on the metrics page of an endpoint, over plain HTTP;
/// 0 with the reason in `problem` if it cannot be had.
struct resident_memory {
  double bytes = 0;
  std::string problem;
};
resident_memory resident_memory_of(std::string_view endpoint);

/// The same from the text of the page.
resident_memory resident_memory_in(std::string_view page);

} // namespace troupe::ctl
