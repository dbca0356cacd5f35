#include "storage/backup/backup_reader.hpp"

#include "messages/ensure.hpp"
#include "storage/crc32c.hpp"

#include <algorithm>
#include <utility>

namespace troupe::backup {

namespace {

/// A length that the file states is not believed at once.
constexpr std::size_t step_bytes = std::size_t{1} << 20;

} // namespace

backup_reader::backup_reader(std::string file, byte_source from, bool skip_digest)
    : file_(std::move(file)), from_(std::move(from)), skip_digest_(skip_digest),
      about_(decode_header(read_all(header_bytes), file_)), counter_(about_) {}

/// Appends up to `bytes` bytes to `out`. @returns how many there were.
std::size_t backup_reader::read(std::string& out, std::size_t bytes) {
  std::size_t done = 0;
  while (done < bytes) {
    const auto step = std::min(bytes - done, step_bytes);
    const auto before = out.size();
    out.resize(before + step);
    const auto got = from_(std::as_writable_bytes(std::span{out}.subspan(before)));
    ensure(got <= step, "a source gives what was asked for");
    out.resize(before + got);
    done += got;
    if (got < step)
      break;
  }
  bytes_ += done;
  return done;
}

/// The next `bytes` bytes, which belong to the digest.
std::string backup_reader::read_all(std::size_t bytes) {
  std::string out;
  if (read(out, bytes) < bytes)
    refuse_damaged(file_, "it ends after " + std::to_string(bytes_) + " bytes, too early");
  hash_.add(out);
  return out;
}

bool backup_reader::next(record& out) {
  if (done_)
    return false;
  if (records_left_ == 0 && !next_chunk())
    return false;
  out = take_record(at_, rest_, file_);
  --records_left_;
  if (records_left_ == 0 && !rest_.empty())
    refuse_damaged(file_, "a part of it holds more than it says");
  check_order(out);
  return true;
}

bool backup_reader::next_chunk() {
  const auto head = decode_chunk_head(read_all(chunk_head_bytes), file_);
  if (head.number != number_ + 1 || head.of < at_
      || (head.records == 0) != (head.of == section::end))
    refuse_damaged(file_, "parts of it are missing or out of order");
  number_ = head.number;
  body_ = read_all(head.body_bytes);
  if (storage::crc32c(std::as_bytes(std::span{body_})) != head.body_checksum)
    refuse_damaged(file_, "part " + std::to_string(number_) + " is not what was written");
  if (head.of == section::end) {
    if (decode_contents(body_, file_) != counter_.so_far())
      refuse_damaged(file_, "it does not hold what it says at its end");
    check_end();
    done_ = true;
    return false;
  }
  if (head.of != at_)
    last_key_.clear();
  at_ = head.of;
  counter_.add(at_, head.records, body_);
  rest_ = body_;
  records_left_ = head.records;
  return true;
}

void backup_reader::check_order(const record& one) {
  if (one.key <= last_key_)
    refuse_damaged(file_, "its records are out of order");
  last_key_ = one.key;
}

/// Zeros up to the alignment, the digest, nothing more.
void backup_reader::check_end() {
  const auto unaligned = bytes_ % file_alignment;
  const auto zeros = read_all(unaligned == 0 ? 0 : file_alignment - unaligned);
  if (zeros.find_first_not_of('\0') != zeros.npos)
    refuse_damaged(file_, "there are bytes behind its end");
  digest_ = hash_.digest();
  std::string stated;
  read(stated, sha256_bytes);
  if (!skip_digest_ && stated.size() < sha256_bytes)
    refuse_damaged(file_, "the SHA-256 at its end is missing; it was cut, or copied without it");
  if (!skip_digest_ && stated != digest_)
    refuse_damaged(file_, "its SHA-256 is not the one at its end");
  std::string more;
  if (read(more, 1) != 0)
    refuse_damaged(file_, "there are bytes behind its end");
}

} // namespace troupe::backup
