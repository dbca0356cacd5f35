#include "storage/crc32c.hpp"
#include "storage/raft_log.hpp"
#include "storage/raft_log_record.hpp"
#include "test/storage/raft_log_fixture.hpp"

#include <cstring>
#include <gmock/gmock.h>
#include <map>
#include <random>

namespace troupe::storage {
namespace {

using ::testing::HasSubstr;

/// What a log holds after some of its batches.
struct content {
  hard_state state;
  entry_id before;
  std::vector<entry> entries;

  friend bool operator==(const content&, const content&) = default;
};

content content_of(const recovered_log& log) {
  return {log.state, log.before_first, log.entries};
}

/// A log of a few segments in recycled files, and what each of its batches left.
class DamagedRaftLog : public RaftLog {
protected:
  void SetUp() override {
    options.segment_bytes = 5 * block_bytes;
    auto log = open().log;
    for (std::uint64_t i = 1; i <= 9; ++i)
      append(*log, make_state(1, 0, i), make_entries(i, 1, 1, 900));
    log->release(log->last());
    for (std::uint64_t i = 10; i <= 17; ++i)
      append(*log, make_state(2, 0, i), make_entries(i, 2, 2, 900));
    append(*log, make_state(3), make_entries(16, 4, 3, 1500)); // cuts, and fills two blocks
    log.reset();
    for (const auto& name : files())
      image_[name] = disk.contents(log_directory + "/" + name);
    image_[spare_file_name({1})] = image_.at(oldest());
  }

  void append(raft_log& log, const hard_state& state, const std::vector<entry>& entries) {
    log.append(state, entries);
    auto before = log.before_first();
    content now{state, before, {}};
    if (log.last() != before)
      now.entries = log.read(before.index + 1, log.last().index + 1, 1 << 20);
    history_.push_back(now);
  }

  void close() {
    open().log->close_batch();
    image_[newest()] = disk.contents(log_directory + "/" + newest());
  }

  std::string newest() const {
    std::string result;
    for (const auto& [name, bytes] : image_)
      if (name.ends_with(".log"))
        result = name;
    return result;
  }

  std::string oldest() const {
    for (const auto& [name, bytes] : image_)
      if (name.ends_with(".log"))
        return name;
    return {};
  }

  /// Opens the image with one file replaced, on a disk of its own.
  recovered_log open_with(const std::string& name, const std::string& bytes) const {
    sim::simulated_disk other{2};
    other.make_directory(log_directory);
    for (const auto& [file_name, content] : image_)
      other.set_contents(log_directory + "/" + file_name, file_name == name ? bytes : content);
    auto result = raft_log::open(other, log_directory, options);
    result.log.reset();
    return result;
  }

  /// As open_with; empty if refused as damaged.
  std::optional<content> try_open(const std::string& name, const std::string& bytes) const {
    try {
      return content_of(open_with(name, bytes));
    } catch (const storage_error& error) {
      EXPECT_EQ(error.code(), errc::data_damaged) << error.what();
      return std::nullopt;
    }
  }

  /// Where the blocks of the newest batch begin and end in the newest file.
  std::pair<std::size_t, std::size_t> newest_batch() const {
    const auto& bytes = image_.at(newest());
    auto number = parse_segment_file_name(newest()).value();
    record_stamp stamp{options.cluster, options.member, record_seed(number, options.salt)};
    std::pair<std::size_t, std::size_t> result{0, block_bytes};
    for (std::size_t at = block_bytes; at < bytes.size(); at = result.second) {
      auto frame = decode_batch_frame(std::as_bytes(std::span{bytes}).subspan(at), stamp);
      if (!frame)
        break;
      result = {at, at + round_up_to_block(frame->bytes)};
    }
    return result;
  }

  std::map<std::string, std::string> image_;
  std::vector<content> history_;
};

TEST_F(DamagedRaftLog, TheImageIsWorthIt) {
  EXPECT_THAT(files(), ::testing::ElementsAre("0000000000000003.log", "0000000000000004.log",
                                              "0000000000000005.log"));
  EXPECT_EQ(newest_batch(), (std::pair{2 * block_bytes, 4 * block_bytes}));
  EXPECT_EQ(content_of(open()), history_.back());
  // The newest file was recycled: behind its end stands what it held before.
  EXPECT_THAT(image_.at(newest()).substr(4 * block_bytes), HasSubstr("entry 4 of term 1"));
}

TEST_F(DamagedRaftLog, AFlipInTheNewestBatchTrimsItAndAnywhereElseIsRefused) {
  auto [begin, end] = newest_batch();
  for (const auto& [name, bytes] : image_) {
    // Of a spare file one byte per block stands for all: nobody reads it.
    auto step = name.ends_with(".spare") ? block_bytes : 1;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      auto damaged = bytes;
      damaged[at] ^= static_cast<char>(1 << at % 8);
      std::optional<content> expected;
      if (name.ends_with(".spare") || (name == newest() && at >= end))
        expected = history_.back();
      else if (name == newest() && at >= begin)
        expected = history_.end()[-2];
      ASSERT_EQ(try_open(name, damaged), expected) << name << " byte " << at;
    }
  }
}

TEST_F(DamagedRaftLog, AClosingRecordCertifiesTheNewestBatch) {
  auto last = newest_batch();
  close();
  auto closing = newest_batch();
  ASSERT_EQ(closing.first, last.second);
  const auto& bytes = image_.at(newest());
  for (auto at = last.first; at < closing.second; ++at) {
    auto damaged = bytes;
    damaged[at] ^= static_cast<char>(0x80U >> at % 8);
    auto found = try_open(newest(), damaged);
    std::optional<content> expected;
    if (at >= closing.first)
      expected = history_.back();
    ASSERT_EQ(found, expected) << "byte " << at;
  }
}

TEST_F(DamagedRaftLog, AFileCutAtAnyByteShowsNoHalfBatch) {
  auto [begin, end] = newest_batch();
  for (const auto& [name, bytes] : image_) {
    auto step = name.ends_with(".spare") ? block_bytes : 1;
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      auto found = try_open(name, bytes.substr(0, size));
      std::optional<content> expected;
      if (name.ends_with(".spare") || (name == newest() && size >= end))
        expected = history_.back();
      else if (name == newest() && size >= begin)
        expected = history_.end()[-2];
      else if (name == newest() && found) {
        // What showed that there was more is cut off as well.
        ASSERT_THAT(history_, ::testing::Contains(*found)) << name << " size " << size;
        continue;
      }
      ASSERT_EQ(found, expected) << name << " size " << size;
    }
  }
}

TEST_F(DamagedRaftLog, ABlockFromElsewhereIsNeverTaken) {
  auto [begin, end] = newest_batch();
  for (const auto& [name, bytes] : image_) {
    for (std::size_t to = 0; to < bytes.size() && name.ends_with(".log"); to += block_bytes) {
      for (const auto& [source_name, source] : image_) {
        for (std::size_t from = 0; from < source.size(); from += block_bytes) {
          auto damaged = bytes;
          damaged.replace(to, block_bytes, source, from, block_bytes);
          if (damaged == bytes)
            continue;
          auto found = try_open(name, damaged);
          if (name != newest() || to < begin) {
            ASSERT_EQ(found, std::nullopt) << name << " block at " << to;
          } else if (found) {
            ASSERT_EQ(*found, to < end ? history_.end()[-2] : history_.back());
          }
        }
      }
    }
  }
}

TEST_F(DamagedRaftLog, AMissingFileInTheMiddleIsRefused) {
  auto middle = segment_file_name(parse_segment_file_name(oldest()).value() + 1);
  ASSERT_NE(middle, newest());
  ASSERT_EQ(image_.erase(middle), 1U);
  try {
    open_with("", "");
    FAIL();
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_damaged);
    EXPECT_THAT(error.what(), HasSubstr("the file before it is missing"));
  }
}

TEST_F(DamagedRaftLog, ALostHeaderWithNothingBehindItIsAFileThatWasNeverUsed) {
  auto unborn = segment_file_name(parse_segment_file_name(newest()).value() + 1);
  for (const auto& bytes : {std::string{}, std::string(100, 'x'), std::string(9000, '\0'),
                            image_.begin()->second, image_.at(newest())}) {
    image_[unborn] = bytes;
    EXPECT_EQ(try_open("", ""), history_.back());
  }
}

TEST_F(DamagedRaftLog, ANewLogWhoseHeaderWasLostIsMadeAnew) {
  image_ = {{segment_file_name({1}), std::string(3 * block_bytes, '\0')}};
  EXPECT_EQ(try_open("", ""), content{});
  image_.begin()->second[5000] = 'x';
  EXPECT_EQ(try_open("", ""), std::nullopt);
}

TEST_F(DamagedRaftLog, TheTextSaysWhereAndWhatToDo) {
  auto damaged = image_.at(oldest());
  damaged[block_bytes + 100] ^= 1;
  try {
    open_with(oldest(), damaged);
    FAIL();
  } catch (const storage_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(log_directory + "/" + oldest() + ": damaged: "));
    EXPECT_THAT(error.what(), HasSubstr("byte 4096"));
    EXPECT_THAT(error.what(), HasSubstr("restore a backup"));
  }
}

void put32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    bytes[at + i] = static_cast<char>(value >> 8 * i);
}

void put64(std::string& bytes, std::size_t at, std::uint64_t value) {
  put32(bytes, at, static_cast<std::uint32_t>(value));
  put32(bytes, at + 4, static_cast<std::uint32_t>(value >> 32));
}

std::uint32_t checksum(const std::string& bytes, std::size_t begin, std::size_t end,
                       std::uint32_t seed) {
  return crc32c(std::as_bytes(std::span{bytes}).subspan(begin, end - begin), seed);
}

TEST_F(DamagedRaftLog, ANewerFormatIsRefusedByNamingItsVersion) {
  auto newer = image_.at(newest());
  put32(newer, 8, raft_log_format + 1);
  newer.replace(12, 16, std::string("9.8.7") + std::string(11, '\0'));
  put32(newer, 28, checksum(newer, 0, 28, 0));
  try {
    open_with(newest(), newer);
    FAIL();
  } catch (const storage_error& error) {
    EXPECT_EQ(error.code(), errc::data_newer);
    EXPECT_THAT(error.what(), HasSubstr("9.8.7"));
    EXPECT_THAT(error.what(), HasSubstr("format 2"));
  }
}

/// Changes one field of the record at `at` and makes its checksum right again.
class HostileRaftLog : public DamagedRaftLog {
protected:
  std::uint32_t seed_of(const std::string& name) const {
    return record_seed(parse_segment_file_name(name).value(), options.salt);
  }

  static std::size_t record_end(const std::string& bytes, std::size_t at) {
    std::uint32_t body = 0;
    std::memcpy(&body, bytes.data() + at + 4, 4);
    return at + record_header_bytes + body;
  }

  void reseal(std::string& bytes, std::size_t at, const std::string& name) const {
    auto end = std::min(record_end(bytes, at), bytes.size());
    put32(bytes, at, checksum(bytes, at + 4, end, seed_of(name)));
  }
};

TEST_F(HostileRaftLog, FalseLengthsNeitherAllocateNorCrash) {
  auto [begin, end] = newest_batch();
  for (std::uint64_t length : {std::uint64_t{0}, std::uint64_t{79}, std::uint64_t{1} << 20,
                               std::uint64_t{1} << 62, ~std::uint64_t{0}, ~std::uint64_t{4095}}) {
    auto bytes = image_.at(newest());
    put64(bytes, begin + record_header_bytes + 8, length);
    reseal(bytes, begin, newest());
    EXPECT_EQ(try_open(newest(), bytes), history_.end()[-2]) << length;
  }
  for (std::uint32_t length : {0U, 1U, 23U, 25U, 1U << 20, ~0U, ~0U - 55}) {
    for (auto at : {begin, begin + batch_record_bytes + cut_record_bytes}) {
      auto bytes = image_.at(newest());
      put32(bytes, at + 4, length);
      reseal(bytes, at, newest());
      EXPECT_EQ(try_open(newest(), bytes), history_.end()[-2]) << length;
    }
  }
}

TEST_F(HostileRaftLog, FalseCountsAndNumbersAreRefusedOrTrimmed) {
  auto [begin, end] = newest_batch();
  std::mt19937_64 random{5};
  for (int round = 0; round < 3000; ++round) {
    auto bytes = image_.at(newest());
    auto at = begin + random() % 2 * batch_record_bytes;
    auto field = 8 + random() % (at == begin ? 72 : 48);
    bytes[at + field] = static_cast<char>(random());
    reseal(bytes, at, newest());
    auto found = try_open(newest(), bytes);
    if (found && *found != history_.back()) {
      ASSERT_EQ(*found, history_.end()[-2]);
    }
  }
}

// Each record has its own checksum; these fields bind them together.
TEST_F(HostileRaftLog, AFrameThatDoesNotFitItsRecordsIsTrimmed) {
  auto begin = newest_batch().first;
  constexpr std::size_t at_number = 8;
  constexpr std::size_t at_cluster = 16;
  constexpr std::size_t at_member = 24;
  constexpr std::size_t at_records = record_header_bytes + 16;
  constexpr std::size_t at_digest = record_header_bytes + 20;
  for (auto field : {at_number, at_cluster, at_member, at_records, at_digest}) {
    auto bytes = image_.at(newest());
    ++bytes[begin + field];
    reseal(bytes, begin, newest());
    EXPECT_EQ(try_open(newest(), bytes), history_.end()[-2]) << "field at " << field;
  }
}

/// A batch whose checksums are all right, but whose content no log can have.
TEST_F(HostileRaftLog, EntriesOutOfOrderAreDamage) {
  for (std::uint64_t index : {99ULL, 1ULL, 0ULL, ~0ULL}) {
    auto [begin, end] = newest_batch();
    auto bytes = image_.at(newest());
    record_stamp stamp{options.cluster, options.member, seed_of(newest())};
    auto old = decode_batch_frame(std::as_bytes(std::span{bytes}).subspan(begin), stamp).value();
    batch_writer writer{std::as_writable_bytes(std::span{bytes}).subspan(begin), stamp, old.number};
    writer.add(make_entry(index, 3, "x"));
    writer.finish(old.previous, id(3, index));
    EXPECT_EQ(try_open(newest(), bytes), std::nullopt);
  }
}

// A client that knows the format, the ids and the place, but not the salt.
TEST_F(HostileRaftLog, AValueCannotPassForALaterBatch) {
  auto guessed = options.salt + 1;
  record_stamp stamp{options.cluster, options.member, record_seed({1}, guessed)};
  std::string forged(2 * block_bytes, '\0');
  batch_writer writer{std::as_writable_bytes(std::span{forged}), stamp, {1000}};
  writer.finish({999}, id(1, 1));
  sim::simulated_disk fresh{3};
  auto log = raft_log::open(fresh, log_directory, options).log;
  auto shift = block_bytes - batch_record_bytes - entry_record_bytes;
  log->append(std::nullopt, std::vector{make_entry(1, 1, std::string(shift, 'x') + forged)});
  log.reset();
  auto path = log_directory + "/" + segment_file_name({1});
  auto bytes = fresh.contents(path);
  ASSERT_TRUE(decode_batch_frame(std::as_bytes(std::span{bytes}).subspan(2 * block_bytes), stamp));
  fresh.corrupt(path, block_bytes + 200, 1); // torn
  EXPECT_EQ(raft_log::open(fresh, log_directory, options).entries, std::vector<entry>{});
}

} // namespace
} // namespace troupe::storage
