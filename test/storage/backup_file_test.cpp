// A backup file that is not the one that was written is refused, whatever happened to it.
#include "storage/crc32c.hpp"
#include "storage/memory_engine.hpp"
#include "storage/storage_error.hpp"
#include "test/storage/backup_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::backup {
namespace {

using storage::family;
using storage::storage_error;
using testing::HasSubstr;
using testing::StartsWith;

struct backup_file_test : testing::Test {
  backup_file_test() {
    for (int i = 0; i < 12; ++i) {
      auto txn = store.begin();
      txn->put("key" + std::to_string(i % 5), std::string(static_cast<std::size_t>(i), 'v'), {3},
               false);
      txn.reset();
      commit();
    }
    store.compact(6);
    store.put(family::auth, "user", "root");
    store.put(family::member, "member", "one");
    commit();
  }

  void commit() {
    store.commit({{1}, {++index}});
  }

  std::string file(std::size_t chunk_bytes = 60) {
    return take_backup(store.pin(), chunk_bytes);
  }

  /// The code and the text of the refusal.
  static std::pair<errc, std::string> refusal(std::string_view file, bool skip_digest = false) {
    try {
      verify(file, skip_digest);
    } catch (const storage_error& error) {
      EXPECT_THAT(error.what(), StartsWith("the file: "));
      return {error.code(), error.what()};
    }
    return {errc::none, ""};
  }

  /// With both checksums of the header made right again.
  static std::string with_header(std::string file, std::size_t at, char byte) {
    file[at] = byte;
    const auto seal = [&](std::size_t end) {
      const auto sum = storage::crc32c(std::as_bytes(std::span{file.data(), end}));
      for (std::size_t i = 0; i < 4; ++i)
        file[end + i] = static_cast<char>(sum >> 8 * i);
    };
    seal(28);
    seal(508);
    return file;
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  std::uint64_t index = 0;
};

TEST_F(backup_file_test, says_what_it_is_of) {
  const auto bytes = file();
  backup_reader reader{"the file", source_of(bytes)};
  EXPECT_EQ(reader.about(), (description{{7}, {8}, 13, 6, {{1}, {13}}, 1'700'000'000}));
  for (record one; reader.next(one);) {
  }
  // Five keys with a lease, a user, a member; keys 0 to 4 at the floor, and revisions 6 to 13.
  EXPECT_EQ(reader.all().records, (std::array<std::uint64_t, 7>{5, 1, 1, 0, 0, 5, 8}));
  EXPECT_EQ(reader.bytes(), bytes.size());
  EXPECT_EQ(bytes.substr(bytes.size() - 32), reader.digest());
}

TEST_F(backup_file_test, hash_is_of_the_content_and_not_of_the_chunks) {
  const auto small = verify(file(1));
  EXPECT_EQ(small, verify(file(100'000)));
  store.put(family::auth, "user", "toor");
  commit();
  EXPECT_NE(small.hash, verify(file(1)).hash);
}

TEST_F(backup_file_test, every_flipped_byte_is_refused) {
  auto bytes = file();
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const auto flip : {1, 0x80, 0xff}) {
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      EXPECT_NE(refusal(bytes).first, errc::none) << "at " << at;
      // Without the digest the other checksums see it, all the way to the digest.
      const bool in_digest = at >= bytes.size() - sha256_bytes;
      EXPECT_EQ(refusal(bytes, true).first == errc::none, in_digest) << "at " << at;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
    }
  EXPECT_EQ(refusal(bytes).first, errc::none);
}

TEST_F(backup_file_test, every_cut_is_refused) {
  const auto bytes = file();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(refusal(bytes.substr(0, length)).first, errc::data_damaged) << "at " << length;
    EXPECT_EQ(refusal(bytes.substr(0, length), true).first == errc::none,
              length >= bytes.size() - sha256_bytes)
      << "at " << length;
  }
}

TEST_F(backup_file_test, missing_digest_is_told_and_may_be_accepted) {
  const auto bytes = file();
  const auto cut = bytes.substr(0, bytes.size() - sha256_bytes);
  EXPECT_THAT(refusal(cut).second, HasSubstr("SHA-256"));
  EXPECT_EQ(refusal(cut, true).first, errc::none);
}

TEST_F(backup_file_test, more_bytes_are_refused) {
  const auto bytes = file();
  for (const auto* more : {"x", "\0", "0123456789"})
    for (const bool skip : {false, true})
      EXPECT_EQ(refusal(bytes + std::string(more, 1), skip).first, errc::data_damaged);
}

TEST_F(backup_file_test, exchanged_chunks_are_refused) {
  const auto bytes = file(1);
  // The attachments: chunks of one record each, of equal length.
  const std::size_t length = chunk_head_bytes + 8 + 9 + 4;
  auto exchanged = bytes;
  exchanged.replace(header_bytes, length, bytes, header_bytes + length, length);
  exchanged.replace(header_bytes + length, length, bytes, header_bytes, length);
  EXPECT_THAT(refusal(exchanged, true).second, HasSubstr("out of order"));
}

TEST_F(backup_file_test, newer_format_names_who_wrote_it) {
  const auto newer = refusal(with_header(file(), 8, 2));
  EXPECT_EQ(newer.first, errc::data_newer);
  EXPECT_THAT(newer.second, HasSubstr("format 2, written by Troupe "));
  EXPECT_EQ(refusal(with_header(file(), 32, 9)).first, errc::data_newer);
}

TEST_F(backup_file_test, other_files_are_named) {
  EXPECT_EQ(refusal(std::string(4096, 'x')).first, errc::data_foreign);
  std::string bolt(4096, '\0');
  bolt.replace(16, 4, "\xed\xda\x0c\xed");
  EXPECT_THAT(refusal(bolt).second, HasSubstr("etcd"));
}

TEST_F(backup_file_test, chunk_of_any_size_holds_whole_records) {
  auto txn = store.begin();
  txn->put("large", std::string(3 << 20, 'L'), {}, false);
  txn.reset();
  commit();
  const auto bytes = file(100);
  EXPECT_EQ(refusal(bytes).first, errc::none);
}

} // namespace
} // namespace troupe::backup
