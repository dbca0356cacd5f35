#pragma once

#include "actors/sim/simulated_disk.hpp"
#include "storage/raft_log.hpp"
#include "storage/storage_error.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace troupe::storage {

inline entry make_entry(std::uint64_t index, std::uint64_t term, std::string payload) {
  return {.id = {{term}, {index}},
          .kind = entry_kind::command,
          .origin = {{7}, {2}, index},
          .payload = blob{std::move(payload)}};
}

/// Entries [first, first + count), each with a payload that names its index and term.
inline std::vector<entry> make_entries(std::uint64_t first, std::uint64_t count,
                                       std::uint64_t term = 1, std::size_t payload_bytes = 20) {
  std::vector<entry> result;
  for (auto i = first; i < first + count; ++i) {
    auto payload = "entry " + std::to_string(i) + " of term " + std::to_string(term) + " ";
    payload.resize(std::max(payload.size(), payload_bytes), 'x');
    result.push_back(make_entry(i, term, payload));
  }
  return result;
}

inline hard_state make_state(std::uint64_t term, std::uint64_t vote = 0, std::uint64_t boot = 1,
                             std::uint64_t commit = 0) {
  return {.term = {term}, .voted_for = {vote}, .boot = {boot}, .commit = {commit}};
}

inline entry_id id(std::uint64_t term, std::uint64_t index) {
  return {{term}, {index}};
}

inline const std::string log_directory = "/data/log";

inline raft_log_options small_options() {
  return {.cluster = {0xc1},
          .member = {0x7},
          .salt = 0x5a17,
          .segment_bytes = 4 * block_bytes,
          .fill_bytes = block_bytes};
}

/// The error code that a call ends with; `none` if it returns.
template <class Call>
errc code_of(Call call) {
  try {
    call();
  } catch (const storage_error& error) {
    return error.code();
  }
  return errc::none;
}

class RaftLog : public ::testing::Test {
protected:
  recovered_log open() {
    return raft_log::open(disk, log_directory, options);
  }

  /// Closes the log and opens it again.
  recovered_log reopen(std::unique_ptr<raft_log>& log) {
    log.reset();
    return open();
  }

  std::string path_of(std::uint64_t segment) const {
    return log_directory + "/" + segment_file_name({segment});
  }

  std::vector<std::string> files() const {
    auto names = disk.list(log_directory);
    std::erase(names, "LOCK");
    return names;
  }

  sim::simulated_disk disk{1};
  raft_log_options options = small_options();
};

} // namespace troupe::storage
