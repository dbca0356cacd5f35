#include "storage/raft_log_record.hpp"

#include "messages/ensure.hpp"
#include "storage/crc32c.hpp"

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>
#include <cstring>
#include <limits>
#include <string>

namespace troupe::storage {
namespace {

// Offsets inside a record's header; everything is little-endian.
constexpr std::size_t at_checksum = 0;
constexpr std::size_t at_body_bytes = 4;
constexpr std::size_t at_batch = 8;
constexpr std::size_t at_cluster = 16;
constexpr std::size_t at_member = 24;
constexpr std::size_t at_term = 32;
constexpr std::size_t at_index = 40;
constexpr std::size_t at_type = 48;
constexpr std::size_t at_kind = 49;
constexpr std::size_t at_body = record_header_bytes;

template <class T>
void put(std::span<std::byte> out, std::size_t at, T value) {
  auto* target = reinterpret_cast<unsigned char*>(out.data() + at);
  boost::endian::endian_store<T, sizeof(T), boost::endian::order::little>(target, value);
}

template <class T>
T get(std::span<const std::byte> in, std::size_t at) {
  const auto* source = reinterpret_cast<const unsigned char*>(in.data() + at);
  return boost::endian::endian_load<T, sizeof(T), boost::endian::order::little>(source);
}

std::uint64_t get64(std::span<const std::byte> in, std::size_t at) {
  return get<std::uint64_t>(in, at);
}

std::uint32_t checksum_of(std::span<const std::byte> record, std::uint32_t seed) {
  return crc32c(record.subspan(at_body_bytes), seed);
}

/// All of a record but its body and checksum.
void put_header(std::span<std::byte> record, const record_stamp& stamp, batch_number batch,
                record_type type, entry_id id, entry_kind kind = {}) {
  auto body_bytes = record.size() - record_header_bytes;
  ensure(body_bytes <= std::numeric_limits<std::uint32_t>::max(), "a record is below 4 GiB");
  put(record, at_body_bytes, static_cast<std::uint32_t>(body_bytes));
  put(record, at_batch, batch.value);
  put(record, at_cluster, stamp.cluster.value);
  put(record, at_member, stamp.member.value);
  put(record, at_term, id.term.value);
  put(record, at_index, id.index.value);
  std::memset(record.data() + at_type, 0, at_body - at_type);
  record[at_type] = static_cast<std::byte>(type);
  record[at_kind] = static_cast<std::byte>(kind);
}

std::uint32_t put_checksum(std::span<std::byte> record, std::uint32_t seed) {
  auto checksum = checksum_of(record, seed);
  put(record, at_checksum, checksum);
  return checksum;
}

void put_hard_state(std::span<std::byte> record, const record_stamp& stamp, batch_number batch,
                    const hard_state& state) {
  put_header(record, stamp, batch, record_type::hard_state, {state.term, state.commit});
  put(record, at_body, state.voted_for.value);
  put(record, at_body + 8, state.boot.value);
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; });
}

std::uint32_t extend_digest(std::uint32_t digest, std::uint32_t checksum) {
  std::array<std::byte, 4> bytes{};
  put(bytes, 0, checksum);
  return crc32c(bytes, digest);
}

bool belongs_to(const record_view& record, const record_stamp& stamp) {
  return record.cluster == stamp.cluster && record.member == stamp.member;
}

} // namespace

std::uint32_t record_seed(segment_number segment, std::uint64_t salt) {
  std::array<std::byte, 16> bytes{};
  put(bytes, 0, segment.value);
  put(bytes, 8, salt);
  return crc32c(bytes);
}

std::optional<record_view> decode_record(std::span<const std::byte> bytes, std::uint32_t seed) {
  if (bytes.size() < record_header_bytes)
    return std::nullopt;
  auto body_bytes = get<std::uint32_t>(bytes, at_body_bytes);
  if (body_bytes > bytes.size() - record_header_bytes)
    return std::nullopt;
  auto record = bytes.first(record_header_bytes + body_bytes);
  record_view result;
  result.checksum = get<std::uint32_t>(record, at_checksum);
  if (result.checksum != checksum_of(record, seed))
    return std::nullopt;
  result.type = static_cast<record_type>(record[at_type]);
  result.kind = static_cast<entry_kind>(record[at_kind]);
  result.cluster = {get64(record, at_cluster)};
  result.member = {get64(record, at_member)};
  result.batch = {get64(record, at_batch)};
  result.id = {{get64(record, at_term)}, {get64(record, at_index)}};
  result.body = record.subspan(at_body);
  return result;
}

std::optional<hard_state> hard_state_of(const record_view& record) {
  if (record.type != record_type::hard_state || record.bytes() != hard_state_record_bytes)
    return std::nullopt;
  return hard_state{.term = record.id.term,
                    .voted_for = {get64(record.body, 0)},
                    .boot = {get64(record.body, 8)},
                    .commit = record.id.index};
}

std::optional<entry> entry_of(const record_view& record) {
  if (record.type != record_type::entry || record.bytes() < entry_record_bytes)
    return std::nullopt;
  auto payload = record.body.subspan(entry_record_bytes - record_header_bytes);
  return entry{.id = record.id,
               .kind = record.kind,
               .origin = {{get64(record.body, 0)}, {get64(record.body, 8)}, get64(record.body, 16)},
               .payload =
                 blob{std::string{reinterpret_cast<const char*>(payload.data()), payload.size()}}};
}

std::optional<batch_frame> decode_batch_frame(std::span<const std::byte> bytes,
                                              const record_stamp& stamp) {
  auto record = decode_record(bytes.first(std::min(bytes.size(), batch_record_bytes)), stamp.seed);
  if (!record || record->type != record_type::batch || record->bytes() != batch_record_bytes
      || !belongs_to(*record, stamp))
    return std::nullopt;
  return batch_frame{.number = record->batch,
                     .previous = {get64(record->body, 0)},
                     .bytes = get64(record->body, 8),
                     .records = get<std::uint32_t>(record->body, 16),
                     .digest = get<std::uint32_t>(record->body, 20)};
}

std::optional<std::vector<record_view>> decode_batch(std::span<const std::byte> bytes,
                                                     const batch_frame& frame,
                                                     const record_stamp& stamp) {
  if (frame.bytes < batch_record_bytes || frame.bytes > bytes.size())
    return std::nullopt;
  std::vector<record_view> records;
  std::uint32_t digest = 0;
  auto rest = bytes.first(frame.bytes).subspan(batch_record_bytes);
  while (!rest.empty()) {
    auto record = decode_record(rest, stamp.seed);
    if (!record || record->batch != frame.number || !belongs_to(*record, stamp))
      return std::nullopt;
    digest = extend_digest(digest, record->checksum);
    rest = rest.subspan(record->bytes());
    records.push_back(*record);
  }
  if (records.size() != frame.records || digest != frame.digest
      || !all_zero(bytes.subspan(frame.bytes)))
    return std::nullopt;
  return records;
}

batch_writer::batch_writer(std::span<std::byte> bytes, const record_stamp& stamp,
                           batch_number number)
    : bytes_(bytes), stamp_(stamp), number_(number) {
  ensure(bytes_.size() >= batch_record_bytes, "a batch has room for its first record");
}

void batch_writer::add(const hard_state& state) {
  auto begin = position_;
  put_hard_state(bytes_.subspan(begin, hard_state_record_bytes), stamp_, number_, state);
  position_ += hard_state_record_bytes;
  seal(begin);
}

void batch_writer::add(const entry& x) {
  auto begin = position_;
  auto payload = x.payload.view();
  ensure(entry_record_bytes + payload.size() <= bytes_.size() - begin, "a batch has room for all");
  auto record = bytes_.subspan(begin, entry_record_bytes + payload.size());
  put_header(record, stamp_, number_, record_type::entry, x.id, x.kind);
  put(record, at_body, x.origin.member.value);
  put(record, at_body + 8, x.origin.boot.value);
  put(record, at_body + 16, x.origin.counter);
  std::copy_n(reinterpret_cast<const std::byte*>(payload.data()), payload.size(),
              record.begin() + entry_record_bytes);
  position_ += record.size();
  seal(begin);
}

void batch_writer::add_cut(entry_id last) {
  auto begin = position_;
  put_header(bytes_.subspan(begin, cut_record_bytes), stamp_, number_, record_type::cut, last);
  position_ += cut_record_bytes;
  seal(begin);
}

void batch_writer::seal(std::size_t begin) {
  auto record = bytes_.subspan(begin, position_ - begin);
  digest_ = extend_digest(digest_, put_checksum(record, stamp_.seed));
  ++records_;
}

std::span<const std::byte> batch_writer::finish(batch_number previous, entry_id last) {
  auto first = bytes_.first(batch_record_bytes);
  put_header(first, stamp_, number_, record_type::batch, last);
  put(first, at_body, previous.value);
  put(first, at_body + 8, static_cast<std::uint64_t>(position_));
  put(first, at_body + 16, records_);
  put(first, at_body + 20, digest_);
  put_checksum(first, stamp_.seed);
  auto padded = bytes_.first(round_up_to_block(position_));
  std::fill(padded.begin() + static_cast<std::ptrdiff_t>(position_), padded.end(), std::byte{});
  return padded;
}

void encode_segment_description(std::span<std::byte> out, segment_number segment,
                                const segment_description& x) {
  auto first = out.first(segment_record_bytes);
  put_header(first, {x.cluster, x.member}, x.number, record_type::segment, x.before);
  put(first, at_body, x.salt);
  put(first, at_body + 8, x.previous.value);
  put_checksum(first, record_seed(segment, 0));
  record_stamp stamp{x.cluster, x.member, record_seed(segment, x.salt)};
  auto second = out.subspan(segment_record_bytes, hard_state_record_bytes);
  put_hard_state(second, stamp, x.number, x.state);
  put_checksum(second, stamp.seed);
}

std::optional<segment_description> decode_segment_description(std::span<const std::byte> bytes,
                                                              segment_number segment) {
  if (bytes.size() < segment_description_bytes)
    return std::nullopt;
  auto first = decode_record(bytes.first(segment_record_bytes), record_seed(segment, 0));
  if (!first || first->type != record_type::segment || first->bytes() != segment_record_bytes)
    return std::nullopt;
  segment_description result{.cluster = first->cluster,
                             .member = first->member,
                             .salt = get64(first->body, 0),
                             .number = first->batch,
                             .previous = {get64(first->body, 8)},
                             .before = first->id};
  record_stamp stamp{result.cluster, result.member, record_seed(segment, result.salt)};
  auto second =
    decode_record(bytes.subspan(segment_record_bytes, hard_state_record_bytes), stamp.seed);
  if (!second || second->batch != result.number || !belongs_to(*second, stamp))
    return std::nullopt;
  auto state = hard_state_of(*second);
  if (!state)
    return std::nullopt;
  result.state = *state;
  return result;
}

} // namespace troupe::storage
