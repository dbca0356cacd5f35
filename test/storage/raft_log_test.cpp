#include "messages/ensure.hpp"
#include "storage/raft_log.hpp"
#include "test/storage/raft_log_fixture.hpp"

#include <array>
#include <gmock/gmock.h>

namespace troupe::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<entry> concat(std::vector<entry> a, const std::vector<entry>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(RaftLog, EmptyDirectoryIsANewLog) {
  auto found = open();
  EXPECT_EQ(found.state, hard_state{});
  EXPECT_EQ(found.before_first, id(0, 0));
  EXPECT_THAT(found.entries, IsEmpty());
  EXPECT_EQ(found.log->last(), id(0, 0));
  EXPECT_FALSE(found.torn_tail);
}

TEST_F(RaftLog, ReturnsAfterReopenWhatWasAppended) {
  auto log = open().log;
  log->append(make_state(1, 7, 3), make_entries(1, 3));
  log->append(std::nullopt, make_entries(4, 2, 2));
  auto found = reopen(log);
  EXPECT_EQ(found.state, make_state(1, 7, 3));
  EXPECT_EQ(found.entries, concat(make_entries(1, 3), make_entries(4, 2, 2)));
  EXPECT_EQ(found.log->last(), id(2, 5));
}

TEST_F(RaftLog, KeepsEveryFieldOfAnEntry) {
  auto log = open().log;
  std::string bytes(300, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i);
  std::vector<entry> entries{{.id = id(0xfffffffffffffff0, 1),
                              .kind = entry_kind::configuration,
                              .origin = {{0xfffffffffffffff1}, {0xfffffffffffffff2}, 3},
                              .payload = blob{bytes}},
                             {.id = id(0xfffffffffffffff0, 2), .kind = entry_kind::term_start}};
  log->append(std::nullopt, entries);
  EXPECT_EQ(log->read({1}, {3}, 1000), entries);
  EXPECT_EQ(reopen(log).entries, entries);
}

TEST_F(RaftLog, OneAppendIsOneSync) {
  auto log = open().log;
  auto before = disk.syncs();
  auto first = make_entries(1, 3);
  auto second = make_entries(4, 2);
  std::array groups{log_group{make_state(1), first}, log_group{make_state(2), second}};
  log->append(groups);
  EXPECT_EQ(disk.syncs(), before + 1);
  EXPECT_EQ(log->state(), make_state(2));
  EXPECT_EQ(reopen(log).entries, concat(first, second));
}

TEST_F(RaftLog, NothingToWriteIsNoCall) {
  auto log = open().log;
  auto before = disk.calls();
  log->append(std::nullopt, {});
  log->append(std::span<const log_group>{});
  EXPECT_EQ(disk.calls(), before);
}

// Paper 5.3: a follower removes entries that conflict with its leader's.
TEST_F(RaftLog, EntriesThatArePresentCutTheLogFirst) {
  auto log = open().log;
  log->append(make_state(1), make_entries(1, 5));
  log->append(make_state(2), make_entries(3, 1, 2));
  auto expected = concat(make_entries(1, 2), make_entries(3, 1, 2));
  EXPECT_EQ(log->last(), id(2, 3));
  EXPECT_EQ(log->read({1}, {4}, 1000), expected);
  EXPECT_EQ(reopen(log).entries, expected);
}

TEST_F(RaftLog, GroupsOfOneAppendMayCutEachOther) {
  auto log = open().log;
  auto first = make_entries(1, 4, 1);
  auto second = make_entries(2, 2, 2);
  auto third = make_entries(1, 1, 3);
  std::array groups{log_group{{}, first}, log_group{{}, second}, log_group{{}, third}};
  log->append(groups);
  EXPECT_EQ(log->read({1}, {2}, 1000), third);
  EXPECT_EQ(reopen(log).entries, third);
}

TEST_F(RaftLog, RefusesGapsAndReleasedEntriesAsMistakesOfTheCaller) {
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 2));
  EXPECT_THROW(log->append(std::nullopt, make_entries(4, 1)), invariant_error);
  EXPECT_THROW(log->append(std::nullopt, make_entries(0, 1)), invariant_error);
  EXPECT_THROW(log->append(std::nullopt, concat(make_entries(3, 1), make_entries(5, 1))),
               invariant_error);
  EXPECT_EQ(reopen(log).entries, make_entries(1, 2));
}

TEST_F(RaftLog, ReadsAsMuchAsFitsAndAtLeastOne) {
  options.segment_bytes = 64 * block_bytes;
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 10, 1, 100));
  EXPECT_EQ(log->read({1}, {11}, 10'000), make_entries(1, 10, 1, 100));
  EXPECT_EQ(log->read({4}, {11}, 250), make_entries(4, 2, 1, 100));
  EXPECT_EQ(log->read({4}, {11}, 0), make_entries(4, 1, 1, 100));
  EXPECT_EQ(log->read({4}, {5}, 10'000), make_entries(4, 1, 1, 100));
}

TEST_F(RaftLog, ReadsAcrossBatchesTermsAndSegments) {
  auto log = open().log;
  std::vector<entry> all;
  for (std::uint64_t i = 1; i < 40; ++i) {
    all.push_back(make_entries(i, 1, 1 + i / 5, 700).front());
    log->append(std::nullopt, std::span{&all.back(), 1});
  }
  EXPECT_GT(files().size(), 5U);
  EXPECT_EQ(log->read({1}, {40}, 1 << 20), all);
  EXPECT_EQ(log->term_of({7}), term_t{2});
  EXPECT_EQ(log->term_of({0}), term_t{0});
  EXPECT_EQ(log->term_of({40}), std::nullopt);
  EXPECT_EQ(reopen(log).entries, all);
}

TEST_F(RaftLog, LongRunsOfEntriesReadFromTheirMiddle) {
  options.segment_bytes = std::uint64_t{1} << 20;
  auto log = open().log;
  auto all = make_entries(1, 2000, 1, 200);
  log->append(std::nullopt, all);
  EXPECT_EQ(log->read({1500}, {1502}, 10'000), (std::vector<entry>{all[1499], all[1500]}));
  EXPECT_EQ(log->read({1}, {2001}, 1 << 20), all);
}

TEST_F(RaftLog, ReadChecksWhatItReads) {
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 3));
  disk.corrupt(path_of(1), disk.contents(path_of(1)).find("entry 2"), 1);
  EXPECT_EQ(log->read({1}, {2}, 0), make_entries(1, 1));
  EXPECT_EQ(code_of([&] { log->read({1}, {4}, 1000); }), errc::data_damaged);
}

TEST_F(RaftLog, ReadTakesNoRecordFromAnotherPlace) {
  auto log = open().log;
  for (std::uint64_t i = 1; i <= 3; ++i)
    log->append(std::nullopt, make_entries(i, 1));
  auto bytes = disk.contents(path_of(1));
  for (std::size_t at = 0; at < block_bytes; ++at) {
    auto mask = bytes[block_bytes + at] ^ bytes[2 * block_bytes + at];
    disk.corrupt(path_of(1), 2 * block_bytes + at, static_cast<std::uint8_t>(mask));
  }
  EXPECT_EQ(log->read({1}, {2}, 1000), make_entries(1, 1));
  EXPECT_EQ(code_of([&] { log->read({2}, {3}, 1000); }), errc::data_damaged);
}

TEST_F(RaftLog, ABatchLargerThanASegmentHasOneOfItsOwn) {
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 1));
  auto large = make_entries(2, 1, 1, 10 * block_bytes);
  log->append(std::nullopt, large);
  log->append(std::nullopt, make_entries(3, 1));
  EXPECT_EQ(files().size(), 3U);
  EXPECT_EQ(log->read({2}, {3}, 1), large);
  EXPECT_EQ(reopen(log).entries, concat(concat(make_entries(1, 1), large), make_entries(3, 1)));
}

TEST_F(RaftLog, ReleaseRecyclesWholeSegments) {
  auto log = open().log;
  for (std::uint64_t i = 1; i <= 12; ++i)
    log->append(make_state(1, 0, 1, i - 1), make_entries(i, 1));
  EXPECT_THAT(files(), ElementsAre("0000000000000001.log", "0000000000000002.log",
                                   "0000000000000003.log", "0000000000000004.log"));
  log->release(id(1, 7));
  EXPECT_EQ(log->before_first(), id(1, 6));
  EXPECT_THAT(files(), ElementsAre("0000000000000001.spare", "0000000000000002.spare",
                                   "0000000000000003.log", "0000000000000004.log"));
  log->append(std::nullopt, make_entries(13, 1));
  EXPECT_THAT(files(), ElementsAre("0000000000000001.spare", "0000000000000003.log",
                                   "0000000000000004.log", "0000000000000005.log"));
  auto found = reopen(log);
  EXPECT_EQ(found.before_first, id(1, 6));
  EXPECT_EQ(found.entries, make_entries(7, 7));
  EXPECT_EQ(found.state, make_state(1, 0, 1, 11));
}

TEST_F(RaftLog, TheHardStateOutlivesTheSegmentItWasWrittenIn) {
  auto log = open().log;
  log->append(make_state(4, 9, 5, 0), {});
  for (std::uint64_t i = 1; i <= 6; ++i)
    log->append(std::nullopt, make_entries(i, 1));
  log->release(id(1, 6));
  auto found = reopen(log);
  EXPECT_EQ(found.before_first, id(1, 5));
  EXPECT_EQ(found.state, make_state(4, 9, 5, 0));
}

TEST_F(RaftLog, KeepsTwoSpareFiles) {
  auto log = open().log;
  for (std::uint64_t i = 1; i <= 30; ++i)
    log->append(std::nullopt, make_entries(i, 1));
  log->release(log->last());
  EXPECT_EQ(files().size(), 3U);
  EXPECT_EQ(log->before_first(), id(1, 27));
}

TEST_F(RaftLog, ReleaseOfNothingDoesNothing) {
  auto log = open().log;
  log->release(id(0, 0));
  log->append(std::nullopt, make_entries(1, 2));
  log->release(id(1, 1));
  EXPECT_EQ(log->before_first(), id(0, 0));
  EXPECT_THROW(log->release(id(1, 3)), invariant_error);
  EXPECT_THROW(log->release(id(2, 2)), invariant_error);
}

// The header of the segment that becomes the first says "behind entry 9", its first entry is 5.
TEST_F(RaftLog, ASegmentThatBeganBeforeACutMayBecomeTheFirst) {
  auto log = open().log;
  for (std::uint64_t i = 1; i <= 9; ++i)
    log->append(std::nullopt, make_entries(i, 1));
  ASSERT_EQ(files().size(), 3U);
  log->append(std::nullopt, make_entries(5, 4, 2));
  ASSERT_EQ(files().size(), 4U);
  log->release(id(1, 3));
  EXPECT_EQ(log->before_first(), id(1, 3));
  auto found = reopen(log);
  EXPECT_EQ(found.before_first, id(1, 3));
  EXPECT_EQ(found.entries, concat(make_entries(4, 1), make_entries(5, 4, 2)));
  log = std::move(found.log);
  log->release(id(1, 4));
  EXPECT_EQ(log->before_first(), id(1, 4));
  log->append(std::nullopt, make_entries(6, 4, 3));
  found = reopen(log);
  EXPECT_EQ(found.before_first, id(1, 4));
  EXPECT_EQ(found.entries, concat(make_entries(5, 1, 2), make_entries(6, 4, 3)));
}

TEST_F(RaftLog, SkipsToAnEntryThatItDoesNotHold) {
  auto log = open().log;
  log->append(make_state(2, 1), make_entries(1, 5));
  log->skip_to(id(2, 100));
  EXPECT_EQ(log->before_first(), id(2, 100));
  EXPECT_EQ(log->last(), id(2, 100));
  EXPECT_EQ(log->term_of({100}), term_t{2});
  EXPECT_FALSE(log->term_of({5}));
  auto found = reopen(log);
  EXPECT_EQ(found.before_first, id(2, 100));
  EXPECT_TRUE(found.entries.empty());
  EXPECT_EQ(found.state, make_state(2, 1)) << "the vote stays";
  found.log->append(std::nullopt, make_entries(101, 3, 2));
  EXPECT_EQ(reopen(found.log).entries, make_entries(101, 3, 2));
}

TEST_F(RaftLog, ASkipInPlaceOfTheEndLosesTheEnd) {
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 9));
  log->skip_to(id(3, 7));
  auto found = reopen(log);
  EXPECT_EQ(found.before_first, id(3, 7));
  EXPECT_TRUE(found.entries.empty());
}

TEST_F(RaftLog, ASkipToAnEntryThatItHoldsKeepsWhatFollows) {
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 9));
  log->skip_to(id(1, 7));
  EXPECT_EQ(log->last(), id(1, 9));
  EXPECT_EQ(log->read({8}, {10}, 1000).size(), 2U);
}

TEST_F(RaftLog, RecycledFilesDoNotShowTheirOldContent) {
  auto log = open().log;
  std::uint64_t next = 1;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5; ++i, ++next)
      log->append(std::nullopt, make_entries(next, 1));
    log->release(log->last());
    auto before = log->before_first().index.value;
    auto found = reopen(log);
    EXPECT_EQ(found.entries, make_entries(before + 1, next - 1 - before));
    log = std::move(found.log);
  }
}

TEST_F(RaftLog, SaysHowManyBytesARestartReads) {
  options.segment_bytes = 64 * block_bytes;
  auto log = open().log;
  EXPECT_EQ(log->bytes_since({0}), 0U);
  for (std::uint64_t i = 1; i <= 4; ++i)
    log->append(std::nullopt, make_entries(i, 1));
  EXPECT_EQ(log->bytes_since({0}), 4 * block_bytes);
  EXPECT_EQ(log->bytes_since({3}), block_bytes);
  EXPECT_EQ(log->bytes_since({4}), 0U);
  log = reopen(log).log;
  EXPECT_EQ(log->bytes_since({3}), block_bytes);
}

TEST_F(RaftLog, AClosingRecordIsWrittenOnce) {
  auto log = open().log;
  auto fresh = disk.syncs();
  log->close_batch();
  EXPECT_EQ(disk.syncs(), fresh);
  log->append(std::nullopt, make_entries(1, 1));
  log->close_batch();
  EXPECT_EQ(disk.syncs(), fresh + 2);
  log->close_batch();
  EXPECT_EQ(disk.syncs(), fresh + 2);
  auto found = reopen(log);
  EXPECT_EQ(found.entries, make_entries(1, 1));
  auto opened = disk.syncs();
  found.log->close_batch();
  EXPECT_EQ(disk.syncs(), opened);
}

TEST_F(RaftLog, FillingAheadKeepsTheFileAheadOfTheBatches) {
  options.segment_bytes = 8 * block_bytes;
  options.fill_bytes = 2 * block_bytes;
  auto log = open().log;
  for (std::uint64_t i = 1; i <= 7; ++i) {
    log->prepare_ahead();
    auto size = disk.contents(path_of(1)).size();
    EXPECT_GT(size, i * block_bytes);
    EXPECT_LE(size, 8 * block_bytes);
    log->append(std::nullopt, make_entries(i, 1));
    EXPECT_EQ(disk.contents(path_of(1)).size(), size);
  }
  EXPECT_EQ(reopen(log).entries, make_entries(1, 7));
}

TEST_F(RaftLog, AFailedSyncIsFinal) {
  auto log = open().log;
  log->append(std::nullopt, make_entries(1, 1));
  disk.fail_after(1); // the sync after the write
  EXPECT_EQ(code_of([&] { log->append(std::nullopt, make_entries(2, 1)); }), errc::io_error);
  EXPECT_EQ(disk.failed_call(), sim::disk_call::sync);
  auto calls = disk.calls();
  EXPECT_EQ(code_of([&] { log->append(make_state(9), {}); }), errc::io_error);
  EXPECT_EQ(code_of([&] { log->close_batch(); }), errc::io_error);
  EXPECT_EQ(code_of([&] { log->prepare_ahead(); }), errc::io_error);
  EXPECT_EQ(code_of([&] { log->release(id(1, 1)); }), errc::io_error);
  EXPECT_EQ(code_of([&] { log->read({1}, {2}, 1); }), errc::io_error);
  EXPECT_EQ(disk.calls(), calls);
}

TEST_F(RaftLog, AFullDiskSaysSo) {
  auto log = open().log;
  disk.fail_after(0, sim::disk_fault::disk_full);
  EXPECT_EQ(code_of([&] { log->append(std::nullopt, make_entries(1, 1)); }), errc::disk_full);
  auto found = reopen(log);
  EXPECT_EQ(found.log->last(), id(0, 0));
}

TEST_F(RaftLog, OneUserAtATime) {
  auto log = open().log;
  EXPECT_EQ(code_of([&] { open(); }), errc::data_locked);
  log.reset();
  EXPECT_EQ(code_of([&] { open(); }), errc::none);
}

TEST_F(RaftLog, RefusesAnotherMembersLog) {
  open();
  options.member = {0x8};
  EXPECT_EQ(code_of([&] { open(); }), errc::data_foreign);
  options = small_options();
  options.cluster = {0xc2};
  EXPECT_EQ(code_of([&] { open(); }), errc::data_foreign);
  options = small_options();
  options.salt = 99; // only for new logs
  EXPECT_EQ(code_of([&] { open(); }), errc::none);
}

TEST_F(RaftLog, RefusesADirectoryOfSomethingElse) {
  disk.make_directory(log_directory);
  disk.set_contents(log_directory + "/0000000000000001.wal", "etcd");
  EXPECT_EQ(code_of([&] { open(); }), errc::data_foreign);
}

} // namespace
} // namespace troupe::storage
