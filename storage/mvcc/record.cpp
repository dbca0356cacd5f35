#include "storage/mvcc/record.hpp"

#include "messages/ensure.hpp"
#include "storage/storage_error.hpp"

#include <google/protobuf/io/coded_stream.h>

namespace troupe::mvcc {

namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using storage::storage_error;

constexpr std::size_t max_varint = 10;

[[noreturn]] void damaged(const char* what) {
  throw storage_error{errc::data_damaged, std::string{"state machine: unreadable "} + what
                                            + "; restore this member from its peers"};
}

std::uint8_t* put(std::uint8_t* to, std::int64_t number) {
  return CodedOutputStream::WriteVarint64ToArray(static_cast<std::uint64_t>(number), to);
}

bool take(CodedInputStream& from, std::int64_t& number) {
  std::uint64_t bits = 0;
  if (!from.ReadVarint64(&bits))
    return false;
  number = static_cast<std::int64_t>(bits);
  return true;
}

CodedInputStream input(std::string_view record) {
  return CodedInputStream{reinterpret_cast<const std::uint8_t*>(record.data()),
                          static_cast<int>(record.size())};
}

void put_big_endian(char* to, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    *to++ = static_cast<char>(number >> shift);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const auto byte : bytes.substr(0, 8))
    number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

} // namespace

void encode_version(const key_head& head, std::string_view value, std::string& out) {
  std::uint8_t bytes[4 * max_varint];
  auto* end = put(bytes, head.mod_revision);
  end = put(end, head.mod_revision - head.create_revision);
  end = put(end, head.version);
  end = put(end, head.lease.value);
  out.clear();
  out.reserve(static_cast<std::size_t>(end - bytes) + value.size());
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
  out.append(value);
}

std::size_t decode_head(std::string_view record, key_head& head) {
  auto from = input(record);
  std::int64_t age = 0;
  if (!take(from, head.mod_revision) || !take(from, age) || !take(from, head.version)
      || !take(from, head.lease.value))
    damaged("version of a key");
  head.create_revision = head.mod_revision - age;
  return static_cast<std::size_t>(from.CurrentPosition());
}

event_key::event_key(revision at) {
  put_big_endian(bytes_, static_cast<std::uint64_t>(at.main));
  put_big_endian(bytes_ + 8, static_cast<std::uint64_t>(at.sub));
}

revision decode_event_key(std::string_view key) {
  if (key.size() != 16)
    damaged("key of an event");
  return {static_cast<std::int64_t>(big_endian(key)),
          static_cast<std::int64_t>(big_endian(key.substr(8)))};
}

void encode_event(const event_record& event, std::string& out) {
  constexpr char replaced_flag = 4;
  out.clear();
  const auto kind = static_cast<char>(event.kind);
  if (event.replaced.empty()) {
    out += kind;
    out += event.key;
    return;
  }
  std::uint8_t bytes[max_varint];
  const auto* end = put(bytes, static_cast<std::int64_t>(event.key.size()));
  out += static_cast<char>(kind | replaced_flag);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
  out += event.key;
  out += event.replaced;
}

event_record decode_event(std::string_view record) {
  if (record.size() < 2 || static_cast<std::uint8_t>(record[0]) > 6 || (record[0] & 3) == 3)
    damaged("event");
  event_record event;
  event.kind = static_cast<event_record::type>(record[0] & 3);
  if (!(record[0] & 4)) {
    event.key = record.substr(1);
    return event;
  }
  record.remove_prefix(1);
  auto from = input(record);
  std::int64_t size = 0;
  if (!take(from, size) || size <= 0 || static_cast<std::size_t>(size) > record.size())
    damaged("event");
  const auto start = static_cast<std::size_t>(from.CurrentPosition());
  event.key = record.substr(start, static_cast<std::size_t>(size));
  if (event.key.size() != static_cast<std::size_t>(size))
    damaged("event");
  event.replaced = record.substr(start + event.key.size());
  return event;
}

std::string encode_state(const store_state& state) {
  std::string record(state.digest ? 48 : 32, '\0');
  put_big_endian(record.data(), static_cast<std::uint64_t>(state.revision));
  put_big_endian(record.data() + 8, static_cast<std::uint64_t>(state.compacted));
  put_big_endian(record.data() + 16, state.applied.term.value);
  put_big_endian(record.data() + 24, state.applied.index.value);
  if (state.digest) {
    put_big_endian(record.data() + 32, state.digest->keys);
    put_big_endian(record.data() + 40, state.digest->records);
  }
  return record;
}

store_state decode_state(std::string_view record) {
  if (record.size() != 48 && record.size() != 32)
    damaged("state record");
  const auto number = [&](std::size_t place) {
    return static_cast<std::int64_t>(big_endian(record.substr(8 * place)));
  };
  store_state state{number(0),
                    number(1),
                    {term_t{static_cast<std::uint64_t>(number(2))},
                     log_index{static_cast<std::uint64_t>(number(3))}},
                    std::nullopt};
  if (record.size() == 48)
    state.digest = {.keys = static_cast<std::uint64_t>(number(4)),
                    .records = static_cast<std::uint64_t>(number(5))};
  return state;
}

} // namespace troupe::mvcc
