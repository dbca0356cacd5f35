#include "storage/raft_log.hpp"
#include "test/storage/raft_log_fixture.hpp"

#include <algorithm>
#include <array>
#include <gmock/gmock.h>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

namespace troupe::storage {
namespace {

/// What a log must hold; entries from index 1 on, also released ones.
struct model {
  hard_state state;
  std::vector<entry> entries;

  void append(std::span<const log_group> groups) {
    for (const auto& group : groups) {
      if (group.state)
        state = *group.state;
      if (group.entries.empty())
        continue;
      entries.resize(group.entries.front().id.index.value - 1);
      entries.insert(entries.end(), group.entries.begin(), group.entries.end());
    }
  }

  entry_id id_of(std::uint64_t index) const {
    return index == 0 ? entry_id{} : entries[index - 1].id;
  }

  bool holds(const recovered_log& found) const {
    auto before = found.before_first.index.value;
    return found.state == state && before <= entries.size() && found.before_first == id_of(before)
           && std::equal(found.entries.begin(), found.entries.end(),
                         entries.begin() + static_cast<std::ptrdiff_t>(before), entries.end());
  }
};

/// Uses a log at random, on a disk that fails and crashes at random, and checks after each restart
/// that all acknowledged is there, and of the append that failed all or nothing.
class storm {
public:
  explicit storm(std::uint64_t seed) : random_(seed), disk_(seed) {
    options_.segment_bytes = (3 + random_() % 6) * block_bytes;
    options_.fill_bytes = (1 + random_() % 3) * block_bytes;
  }

  /// One life of a process, from open to its end; the disk may crash then.
  /// @throws std::logic_error if acknowledged data is lost.
  void live() {
    if (chance(40))
      disk_.fail_after(random_() % 60,
                       chance(20) ? sim::disk_fault::disk_full : sim::disk_fault::io_error);
    try {
      open();
      for (auto n = random_() % 20; n > 0; --n)
        step();
    } catch (const storage_error& error) {
      ASSERT_TRUE(disk_.failed_call()) << error.what();
    }
    end();
  }

  /// Opens without faults.
  void check() {
    disk_.fail_after(std::nullopt);
    open();
    end();
  }

  std::uint64_t opened() const {
    return opened_;
  }

private:
  bool chance(unsigned percent) {
    return random_() % 100 < percent;
  }

  void open() {
    auto found = raft_log::open(disk_, log_directory, options_);
    auto with = acknowledged_;
    with.append(unknown_groups());
    if (with.holds(found))
      acknowledged_ = with;
    if (!acknowledged_.holds(found)
        || found.before_first.index.value > std::max(released_, skipping_))
      throw std::logic_error{"acknowledged data is lost; the last entry is "
                             + std::to_string(found.log->last().index.value)};
    released_ = std::max(released_, found.before_first.index.value);
    skipping_ = 0;
    unknown_.clear();
    ++opened_;
    log_ = std::move(found.log);
  }

  void end() {
    log_.reset();
    disk_.freeze();
    if (chance(70))
      disk_.crash({.flipped_bits = static_cast<unsigned>(random_() % 3)});
    else
      disk_.thaw();
  }

  void step() {
    if (chance(3))
      return skip();
    switch (random_() % 8) {
    case 0:
      return log_->close_batch();
    case 1:
    case 2:
      return log_->prepare_ahead();
    case 3:
      return release();
    case 4:
      return check_read();
    default:
      return append();
    }
  }

  void append() {
    auto next = acknowledged_;
    for (auto n = 1 + random_() % 3; n > 0; --n) {
      unknown_.push_back(random_change(next));
      next.append(std::array{log_group{unknown_.back().first, unknown_.back().second}});
    }
    log_->append(unknown_groups());
    acknowledged_ = next;
    unknown_.clear();
  }

  using change = std::pair<std::optional<hard_state>, std::vector<entry>>;

  change random_change(const model& now) {
    change result;
    if (chance(40))
      result.first = make_state(++term_, random_() % 5, opened_, now.entries.size());
    auto first = now.entries.size() + 1;
    auto lowest = std::max(released_, log_->before_first().index.value) + 1;
    if (chance(20) && first > lowest)
      first = lowest + random_() % (first - lowest);
    if (chance(80))
      result.second = make_entries(first, random_() % 5, ++term_, random_() % 3000);
    return result;
  }

  std::vector<log_group> unknown_groups() const {
    std::vector<log_group> result;
    for (const auto& x : unknown_)
      result.push_back({x.first, x.second});
    return result;
  }

  void release() {
    auto end = acknowledged_.entries.size();
    released_ = std::max(released_, end == 0 ? 0 : random_() % (end + 1));
    log_->release(acknowledged_.id_of(released_));
  }

  /// A state comes from elsewhere, with entries that the log never sees.
  void skip() {
    auto lowest = std::max(released_, log_->before_first().index.value) + 1;
    auto first = acknowledged_.entries.size() + 1;
    if (chance(50) && first > lowest)
      first = lowest + random_() % (first - lowest);
    unknown_.emplace_back(std::nullopt, make_entries(first, 1 + random_() % 30, ++term_));
    auto next = acknowledged_;
    next.append(unknown_groups());
    skipping_ = next.entries.size();
    log_->skip_to(next.entries.back().id);
    acknowledged_ = next;
    released_ = std::exchange(skipping_, 0);
    unknown_.clear();
  }

  void check_read() {
    auto begin = log_->before_first().index.value + 1;
    auto end = log_->last().index.value + 1;
    if (begin == end)
      return;
    auto first = begin + random_() % (end - begin);
    auto last = first + 1 + random_() % (end - first);
    auto found = log_->read({first}, {last}, random_() % 10'000);
    ASSERT_GE(found.size(), 1U);
    ASSERT_LE(found.size(), last - first);
    ASSERT_TRUE(std::equal(found.begin(), found.end(),
                           acknowledged_.entries.begin() + static_cast<std::ptrdiff_t>(first - 1)));
  }

  std::mt19937_64 random_;
  sim::simulated_disk disk_;
  raft_log_options options_ = small_options();
  std::unique_ptr<raft_log> log_;
  model acknowledged_;
  /// Groups of the append that failed.
  std::vector<change> unknown_;
  std::uint64_t released_ = 0;
  /// Where a skip leads that may or may not have happened.
  std::uint64_t skipping_ = 0;
  std::uint64_t term_ = 0;
  std::uint64_t opened_ = 0;
};

// A failure names its seed.
TEST(RaftLogStorm, LosesNothingAcknowledgedIn500Rounds) {
  std::uint64_t opened = 0;
  for (std::uint64_t seed = 1; seed <= 500 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    storm round{seed};
    ASSERT_NO_THROW({
      for (int life = 0; life < 8; ++life)
        round.live();
      round.check();
    });
    opened += round.opened();
  }
  EXPECT_GT(opened, 3000U);
}

/// A short life of a log that makes every kind of call; returns what it acknowledged.
class EveryCall : public RaftLog {
protected:
  void append(raft_log& log, const std::optional<hard_state>& state,
              const std::vector<entry>& entries) {
    std::array group{log_group{state, entries}};
    unknown_ = acknowledged_;
    unknown_->append(group);
    log.append(group);
    acknowledged_ = *unknown_;
    unknown_.reset();
  }

  void live() {
    auto log = open().log;
    for (std::uint64_t i = 1; i <= 7; ++i) {
      append(*log, make_state(i), make_entries(i, 1));
      log->prepare_ahead();
    }
    log->release(id(1, 5));
    log->close_batch();
    for (std::uint64_t i = 6; i <= 9; ++i)
      append(*log, std::nullopt, make_entries(i, 2, 2, 3000));
    log->release(id(2, 8));
    log = reopen(log).log;
    append(*log, make_state(9), make_entries(11, 1, 3));
  }

  void expect_nothing_lost() {
    auto found = open();
    if (unknown_ && unknown_->holds(found))
      return;
    EXPECT_TRUE(acknowledged_.holds(found));
  }

  /// Of the batch that starts there in the first segment.
  batch_frame frame_at(std::size_t offset) const {
    auto bytes = disk.contents(path_of(1));
    record_stamp stamp{options.cluster, options.member, record_seed({1}, options.salt)};
    return decode_batch_frame(std::as_bytes(std::span{bytes}).subspan(offset), stamp).value();
  }

  model acknowledged_;
  std::optional<model> unknown_;
};

TEST_F(EveryCall, MayFailOnce) {
  live();
  auto calls = disk.calls();
  EXPECT_GT(calls, 100U);
  std::set<sim::disk_call> failed;
  for (auto fault : {sim::disk_fault::io_error, sim::disk_fault::disk_full}) {
    for (std::uint64_t n = 0; n < calls; ++n) {
      for (unsigned kept : {0U, 50U, 100U}) {
        SCOPED_TRACE("call " + std::to_string(n) + " kept " + std::to_string(kept));
        disk = sim::simulated_disk{n};
        acknowledged_ = {};
        unknown_.reset();
        disk.fail_after(n, fault);
        auto code = code_of([&] { live(); });
        ASSERT_EQ(code, fault == sim::disk_fault::io_error ? errc::io_error : errc::disk_full);
        failed.insert(disk.failed_call().value());
        disk.crash({.kept_percent = kept});
        ASSERT_NO_THROW(expect_nothing_lost());
      }
    }
  }
  // All kinds of calls.
  EXPECT_EQ(failed.size(), 11U);
}

// The cache of the system goes on showing what a failed sync could not write.
TEST_F(EveryCall, WhatOnlyTheCacheHoldsIsWrittenAgain) {
  options.segment_bytes = 64 * block_bytes;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    disk = sim::simulated_disk{seed};
    auto log = open().log;
    log->append(make_state(1), make_entries(1, 5, 1, 3000));
    disk.fail_after(1);
    EXPECT_EQ(code_of([&] { log->append(make_state(2), make_entries(6, 5, 2, 3000)); }),
              errc::io_error);
    auto found = reopen(log);
    ASSERT_EQ(found.entries.size(), 10U);
    found.log.reset();
    disk.crash({.kept_percent = 0});
    EXPECT_EQ(open().entries.size(), 10U) << "seed " << seed;
  }
}

TEST_F(EveryCall, ATornTailIsReportedAndWrittenOver) {
  options.segment_bytes = 64 * block_bytes;
  auto log = open().log;
  log->append(make_state(1), make_entries(1, 1));
  log->append(std::nullopt, make_entries(2, 4, 1, 3000));
  log.reset();
  disk.corrupt(path_of(1), 2 * block_bytes + 9000, 1);
  auto torn = frame_at(2 * block_bytes);
  auto found = open();
  EXPECT_TRUE(found.torn_tail);
  EXPECT_EQ(found.entries, make_entries(1, 1));
  // The next batch takes its place, though longer remains stand behind it.
  found.log->append(make_state(2), make_entries(2, 1));
  EXPECT_GT(frame_at(2 * block_bytes).number, torn.number);
  EXPECT_EQ(frame_at(2 * block_bytes).previous, torn.previous);
  found.log->close_batch();
  found = reopen(found.log);
  EXPECT_FALSE(found.torn_tail);
  EXPECT_EQ(found.entries, make_entries(1, 2));
}

// Both batches have the same number, for the crash left no sign of the first one's.
TEST_F(EveryCall, RemainsOfALostBatchDoNotMixWithTheNext) {
  options.segment_bytes = 64 * block_bytes;
  open();
  auto empty = disk.contents(path_of(1));
  // The second record starts with a block, where a crash may cut.
  auto first_payload = block_bytes - batch_record_bytes - entry_record_bytes;
  auto batch_of = [&](char fill) {
    auto log = open().log;
    log->append(std::nullopt, std::vector{make_entry(1, 1, std::string(first_payload, fill)),
                                          make_entry(2, 1, std::string(4000, fill))});
    log.reset();
    return disk.contents(path_of(1));
  };
  auto first = batch_of('a');
  disk.set_contents(path_of(1), empty + std::string(sim::sector_bytes, '\0')
                                  + first.substr(empty.size() + sim::sector_bytes));
  ASSERT_TRUE(open().entries.empty());
  auto second = batch_of('b');
  ASSERT_EQ(open().entries.size(), 2U);
  for (auto cut = empty.size() + sim::sector_bytes; cut < second.size(); cut += sim::sector_bytes) {
    disk.set_contents(path_of(1), second.substr(0, cut) + first.substr(cut));
    auto found = open().entries;
    auto all_that_differs = cut >= second.find_last_of('b') + 1;
    EXPECT_EQ(found.size(), all_that_differs ? 2U : 0U) << "cut at " << cut;
  }
}

} // namespace
} // namespace troupe::storage
