#pragma once

#include "apps/troupectl/command.hpp"

#include <cstdint>
#include <map>

/// Puts from many clients at once: what `check perf` and `check datascale` measure by.
namespace troupe::ctl {

struct load {
  int clients = 0;
  std::int64_t puts_per_second = 0; // 0: as fast as they come
  std::int64_t puts = 0;            // in total
  std::string prefix;               // of every key
  std::size_t key_bytes = 0;        // behind the prefix
  std::size_t value_bytes = 0;
};

struct load_result {
  std::int64_t succeeded = 0;
  std::map<std::string, std::int64_t> errors; // text to how often
  double seconds = 0;                         // of the whole run
  double slowest = 0;                         // seconds, of one put
  double deviation = 0;                       // standard deviation, in seconds
};

/// Runs it with connections of their own; on a terminal a line on `it.err` shows how far it is.
load_result run_load(context& it, const load& wanted);

} // namespace troupe::ctl
