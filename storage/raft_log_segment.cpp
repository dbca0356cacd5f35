#include "storage/raft_log_segment.hpp"

#include "storage/block_buffer.hpp"
#include "storage/crc32c.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>
#include <charconv>
#include <cstring>
#include <utility>

namespace troupe::storage {
namespace {

// The first bytes of a segment. This part stays the same in every later format, so that any version
// can say which one it needs.
constexpr std::string_view magic = "troupelg";
constexpr std::size_t at_format = 8;
constexpr std::size_t at_version = 12;
constexpr std::size_t version_bytes = 16;
constexpr std::size_t at_checksum = at_version + version_bytes;
constexpr std::size_t preamble_bytes = at_checksum + 4;

constexpr std::size_t number_digits = 16;
constexpr std::string_view segment_suffix = ".log";
constexpr std::string_view spare_suffix = ".spare";

// Zeros on a block boundary, never touched and therefore without memory of their own.
constexpr std::size_t zeros_bytes = std::size_t{1} << 20;
alignas(block_bytes) const std::array<std::byte, zeros_bytes> zeros{};

std::string file_name(segment_number number, std::string_view suffix) {
  std::array<char, number_digits> digits{};
  auto end = std::to_chars(digits.begin(), digits.end(), number.value, 16).ptr;
  std::string hex{digits.begin(), end};
  return std::string(number_digits - hex.size(), '0') + hex + std::string{suffix};
}

std::optional<segment_number> parse_file_name(std::string_view name, std::string_view suffix) {
  if (name.size() != number_digits + suffix.size() || !name.ends_with(suffix))
    return std::nullopt;
  segment_number result;
  const auto* begin = name.data();
  auto [end, error] = std::from_chars(begin, begin + number_digits, result.value, 16);
  if (error != std::errc{} || end != begin + number_digits || file_name(result, suffix) != name)
    return std::nullopt;
  return result;
}

void put32(std::span<std::byte> out, std::size_t at, std::uint32_t value) {
  boost::endian::store_little_u32(reinterpret_cast<unsigned char*>(out.data() + at), value);
}

std::uint32_t get32(std::span<const std::byte> in, std::size_t at) {
  return boost::endian::load_little_u32(reinterpret_cast<const unsigned char*>(in.data() + at));
}

void put_text(std::span<std::byte> out, std::size_t at, std::string_view text) {
  std::memcpy(out.data() + at, text.data(), text.size());
}

bool preamble_holds(std::span<const std::byte> block) {
  return block.size() >= preamble_bytes
         && std::memcmp(block.data(), magic.data(), magic.size()) == 0
         && get32(block, at_checksum) == crc32c(block.first(at_checksum));
}

std::string version_of(std::span<const std::byte> block) {
  std::string text{reinterpret_cast<const char*>(block.data() + at_version), version_bytes};
  return text.substr(0, text.find('\0'));
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; });
}

} // namespace

std::string segment_file_name(segment_number number) {
  return file_name(number, segment_suffix);
}

std::string spare_file_name(segment_number number) {
  return file_name(number, spare_suffix);
}

std::optional<segment_number> parse_segment_file_name(std::string_view name) {
  return parse_file_name(name, segment_suffix);
}

std::optional<segment_number> parse_spare_file_name(std::string_view name) {
  return parse_file_name(name, spare_suffix);
}

void encode_segment_header(std::span<std::byte> block, segment_number number,
                           const segment_description& x) {
  std::fill(block.begin(), block.end(), std::byte{});
  put_text(block, 0, magic);
  put32(block, at_format, raft_log_format);
  put_text(block, at_version, std::string_view{TROUPE_VERSION}.substr(0, version_bytes));
  put32(block, at_checksum, crc32c(block.first(at_checksum)));
  encode_segment_description(block.subspan(preamble_bytes, segment_description_bytes), number, x);
}

std::optional<segment_description> read_segment_header(const file& from, const std::string& path,
                                                       segment_number number) {
  std::array<std::byte, block_bytes> block{};
  if (from.read(0, block) < block.size() || !preamble_holds(block))
    return std::nullopt;
  auto format = get32(block, at_format);
  if (format > raft_log_format)
    throw storage_error{errc::data_newer, path + ": written by version " + version_of(block)
                                            + " in log format " + std::to_string(format)
                                            + ", this version reads formats up to "
                                            + std::to_string(raft_log_format)
                                            + "; start that version or a newer one"};
  std::span<const std::byte> rest = std::span{block}.subspan(preamble_bytes);
  if (!all_zero(rest.subspan(segment_description_bytes)))
    return std::nullopt;
  return decode_segment_description(rest, number);
}

std::optional<stored_batch> read_batch(const file& from, std::uint64_t offset,
                                       const record_stamp& stamp) {
  stored_batch result;
  result.bytes.resize(block_bytes);
  result.bytes.resize(from.read(offset, result.bytes));
  auto frame = decode_batch_frame(result.bytes, stamp);
  if (!frame || frame->bytes > from.size() - offset)
    return std::nullopt;
  auto whole = round_up_to_block(frame->bytes);
  if (auto have = result.bytes.size(); have < whole) {
    result.bytes.resize(whole);
    if (from.read(offset + have, std::span{result.bytes}.subspan(have)) < whole - have)
      return std::nullopt;
  }
  auto records = decode_batch(result.bytes, *frame, stamp);
  if (!records)
    return std::nullopt;
  result.frame = *frame;
  result.records = std::move(*records);
  return result;
}

log_segment::log_segment(std::string path, std::unique_ptr<file> storage, segment_number number,
                         const segment_description& description)
    : path_(std::move(path)), storage_(std::move(storage)),
      number_(number), stamp_{description.cluster, description.member,
                              record_seed(number, description.salt)},
      base_(description.before), filled_(storage_->size() / block_bytes * block_bytes) {}

void log_segment::write_batch(std::span<const std::byte> blocks) {
  storage_->write_durable(end_, blocks);
  end_ += blocks.size();
  filled_ = std::max(filled_, end_);
}

void log_segment::rewrite(std::uint64_t begin) {
  block_buffer buffer;
  auto bytes = buffer.obtain(end_ - begin);
  auto have = storage_->read(begin, bytes);
  storage_->write_durable(begin, bytes.first(have));
}

void log_segment::fill_ahead(std::uint64_t step_bytes, std::uint64_t segment_bytes) {
  auto step_end = std::min(segment_bytes, filled_ + step_bytes);
  if (filled_ >= end_ + step_bytes)
    return;
  while (filled_ < step_end) {
    auto part = std::span{zeros}.first(std::min<std::uint64_t>(zeros_bytes, step_end - filled_));
    storage_->write_durable(filled_, part);
    filled_ += part.size();
  }
}

} // namespace troupe::storage
