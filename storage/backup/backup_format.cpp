#include "storage/backup/backup_format.hpp"

#include "messages/ensure.hpp"
#include "storage/crc32c.hpp"
#include "storage/engine.hpp"
#include "storage/storage_error.hpp"

#include <boost/endian/conversion.hpp>
#include <limits>
#include <span>

namespace troupe::backup {

namespace {

using storage::storage_error;

constexpr std::string_view magic = "troupebk";
constexpr std::uint32_t format = 1;

// The preamble, which stays the same in every later format.
constexpr std::size_t at_format = 8;
constexpr std::size_t at_program = 12;
constexpr std::size_t program_bytes = 16;
constexpr std::size_t at_preamble_checksum = 28;
// The rest of the header.
constexpr std::size_t at_store_format = 32;
constexpr std::size_t at_cluster = 40;
constexpr std::size_t at_member = 48;
constexpr std::size_t at_revision = 56;
constexpr std::size_t at_compacted = 64;
constexpr std::size_t at_term = 72;
constexpr std::size_t at_index = 80;
constexpr std::size_t at_taken = 88;
constexpr std::size_t at_header_checksum = header_bytes - 4;
// The head of a chunk.
constexpr std::size_t at_head_checksum = 0;
constexpr std::size_t at_body_checksum = 4;
constexpr std::size_t at_body_bytes = 8;
constexpr std::size_t at_section = 12;
constexpr std::size_t at_number = 16;
constexpr std::size_t at_records = 24;

template <class T>
void put(std::string& out, std::size_t at, T value) {
  auto* to = reinterpret_cast<unsigned char*>(out.data() + at);
  boost::endian::endian_store<T, sizeof(T), boost::endian::order::little>(to, value);
}

template <class T>
T get(std::string_view in, std::size_t at) {
  const auto* from = reinterpret_cast<const unsigned char*>(in.data() + at);
  return boost::endian::endian_load<T, sizeof(T), boost::endian::order::little>(from);
}

template <class T>
void append(std::string& out, T value) {
  out.resize(out.size() + sizeof value);
  put(out, out.size() - sizeof value, value);
}

std::uint32_t checksum(std::string_view bytes, std::uint32_t before = 0) {
  return storage::crc32c(std::as_bytes(std::span{bytes}), before);
}

bool is_bolt_database(std::string_view bytes) {
  constexpr std::uint32_t bolt = 0xED0CDAED;
  return get<std::uint32_t>(bytes, 16) == bolt;
}

void check_preamble(std::string_view bytes, const std::string& file) {
  if (is_bolt_database(bytes))
    throw storage_error{errc::data_foreign,
                        file
                          + ": this is a database of etcd, not a backup of Troupe; restore it with "
                            "etcdutl, and copy the keys with `make-mirror`"};
  if (!bytes.starts_with(magic))
    throw storage_error{errc::data_foreign, file + ": this is not a backup of Troupe"};
  if (get<std::uint32_t>(bytes, at_preamble_checksum)
      != checksum(bytes.substr(0, at_preamble_checksum)))
    refuse_damaged(file, "its header is not what was written");
  const auto version = get<std::uint32_t>(bytes, at_format);
  const auto program = bytes.substr(at_program, program_bytes);
  if (version > format)
    throw storage_error{errc::data_newer, file + ": format " + std::to_string(version)
                                            + ", written by Troupe "
                                            + std::string{program.substr(0, program.find('\0'))}
                                            + ", which is newer than this program"};
}

} // namespace

content_counter::content_counter(const description& of) {
  std::string numbers;
  append(numbers, of.revision);
  append(numbers, of.compacted);
  contents_.hash = checksum(numbers);
}

void content_counter::add(section of, std::uint64_t records, std::string_view body) {
  if (of != last_)
    contents_.hash = checksum(std::string(1, static_cast<char>(of)), contents_.hash);
  last_ = of;
  contents_.hash = checksum(body, contents_.hash);
  contents_.records[static_cast<std::size_t>(of) - 1] += records;
}

std::string encode_header(const description& of) {
  std::string out(header_bytes, '\0');
  out.replace(0, magic.size(), magic);
  put(out, at_format, format);
  const std::string_view program{TROUPE_VERSION};
  ensure(program.size() < program_bytes, "a version has few letters");
  out.replace(at_program, program.size(), program);
  put(out, at_preamble_checksum, checksum(std::string_view{out}.substr(0, at_preamble_checksum)));
  put(out, at_store_format, static_cast<std::uint32_t>(storage::store_format));
  put(out, at_cluster, of.cluster.value);
  put(out, at_member, of.member.value);
  put(out, at_revision, of.revision);
  put(out, at_compacted, of.compacted);
  put(out, at_term, of.applied.term.value);
  put(out, at_index, of.applied.index.value);
  put(out, at_taken, of.taken_at);
  put(out, at_header_checksum, checksum(std::string_view{out}.substr(0, at_header_checksum)));
  return out;
}

description decode_header(std::string_view bytes, const std::string& file) {
  check_preamble(bytes, file);
  if (get<std::uint32_t>(bytes, at_header_checksum)
      != checksum(bytes.substr(0, at_header_checksum)))
    refuse_damaged(file, "its header is not what was written");
  if (get<std::uint32_t>(bytes, at_store_format) > storage::store_format)
    throw storage_error{errc::data_newer,
                        file + ": its records have a format that is newer than this program"};
  description of;
  of.cluster = {get<std::uint64_t>(bytes, at_cluster)};
  of.member = {get<std::uint64_t>(bytes, at_member)};
  of.revision = get<std::int64_t>(bytes, at_revision);
  of.compacted = get<std::int64_t>(bytes, at_compacted);
  of.applied = {{get<std::uint64_t>(bytes, at_term)}, {get<std::uint64_t>(bytes, at_index)}};
  of.taken_at = get<std::int64_t>(bytes, at_taken);
  if (of.revision < 1 || of.compacted < -1 || of.compacted > of.revision)
    refuse_damaged(file, "its header says what cannot be");
  return of;
}

void append_chunk(section of, std::uint64_t number, std::uint64_t records, std::string_view body,
                  std::string& out) {
  ensure(body.size() <= std::numeric_limits<std::uint32_t>::max(), "a chunk is below 4 GiB");
  const auto start = out.size();
  std::string head(chunk_head_bytes, '\0');
  put(head, at_body_checksum, checksum(body));
  put(head, at_body_bytes, static_cast<std::uint32_t>(body.size()));
  put(head, at_section, static_cast<std::uint32_t>(of));
  put(head, at_number, number);
  put(head, at_records, records);
  put(head, at_head_checksum, checksum(std::string_view{head}.substr(at_body_checksum)));
  out.reserve(start + head.size() + body.size());
  out += head;
  out += body;
}

chunk_head decode_chunk_head(std::string_view bytes, const std::string& file) {
  const auto of = get<std::uint32_t>(bytes, at_section);
  if (get<std::uint32_t>(bytes, at_head_checksum) != checksum(bytes.substr(at_body_checksum))
      || of < static_cast<std::uint32_t>(section::lease)
      || of > static_cast<std::uint32_t>(section::end))
    refuse_damaged(file, "a part of it is not what was written");
  return {.of = static_cast<section>(of),
          .number = get<std::uint64_t>(bytes, at_number),
          .records = get<std::uint64_t>(bytes, at_records),
          .body_bytes = get<std::uint32_t>(bytes, at_body_bytes),
          .body_checksum = get<std::uint32_t>(bytes, at_body_checksum)};
}

void append_record(const record& what, std::string& body) {
  append(body, static_cast<std::uint32_t>(what.key.size()));
  append(body, static_cast<std::uint32_t>(what.value.size()));
  if (what.of == section::events)
    append(body, static_cast<std::uint32_t>(what.version.size()));
  body += what.key;
  body += what.value;
  body += what.version;
}

record take_record(section of, std::string_view& body, const std::string& file) {
  const std::size_t lengths = of == section::events ? 12 : 8;
  if (body.size() < lengths)
    refuse_damaged(file, "a record of it is cut");
  const std::size_t key = get<std::uint32_t>(body, 0);
  const std::size_t value = get<std::uint32_t>(body, 4);
  const std::size_t version = of == section::events ? get<std::uint32_t>(body, 8) : 0;
  body.remove_prefix(lengths);
  if (key == 0 || body.size() < key + value + version)
    refuse_damaged(file, "a record of it is cut");
  const record taken{of, body.substr(0, key), body.substr(key, value),
                     body.substr(key + value, version)};
  body.remove_prefix(key + value + version);
  return taken;
}

std::string encode_contents(const contents& all) {
  std::string body;
  for (const auto records : all.records)
    append(body, records);
  append(body, all.hash);
  return body;
}

contents decode_contents(std::string_view body, const std::string& file) {
  contents all;
  if (body.size() != 8 * section_count + 4)
    refuse_damaged(file, "its end is not what was written");
  for (std::size_t i = 0; i < section_count; ++i)
    all.records[i] = get<std::uint64_t>(body, 8 * i);
  all.hash = get<std::uint32_t>(body, 8 * section_count);
  return all;
}

void refuse_damaged(const std::string& file, const std::string& what) {
  throw storage_error{errc::data_damaged,
                      file + ": the backup is damaged: " + what + "; use another copy of it"};
}

} // namespace troupe::backup
