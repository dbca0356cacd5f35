#include "actors/watch/event_encoding.hpp"

#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <string>
#include <string_view>

namespace troupe::watch {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// Field numbers of WatchResponse, mvccpb.Event and mvccpb.KeyValue. All of them fit a tag of one
// byte.
constexpr int response_events = 11;
constexpr int event_type = 1;
constexpr int event_kv = 2;
constexpr int event_previous = 3;
constexpr int kv_key = 1;
constexpr int kv_create_revision = 2;
constexpr int kv_mod_revision = 3;
constexpr int kv_version = 4;
constexpr int kv_value = 5;
constexpr int kv_lease = 6;
constexpr std::size_t tag_size = 1;

std::size_t field_size(std::size_t length) {
  return tag_size + WireFormatLite::LengthDelimitedSize(length);
}

// Protobuf leaves out what has its default.

std::size_t bytes_size(std::string_view bytes) {
  return bytes.empty() ? 0 : field_size(bytes.size());
}

std::size_t number_size(std::int64_t number) {
  return number == 0 ? 0 : tag_size + WireFormatLite::Int64Size(number);
}

std::uint8_t* write_head(int field, std::size_t length, std::uint8_t* to) {
  to = WireFormatLite::WriteTagToArray(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, to);
  return CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(length), to);
}

std::uint8_t* write_bytes(int field, std::string_view bytes, std::uint8_t* to) {
  if (bytes.empty())
    return to;
  to = write_head(field, bytes.size(), to);
  return CodedOutputStream::WriteRawToArray(bytes.data(), static_cast<int>(bytes.size()), to);
}

std::uint8_t* write_number(int field, std::int64_t number, std::uint8_t* to) {
  return number == 0 ? to : WireFormatLite::WriteInt64ToArray(field, number, to);
}

std::size_t size_of(const mvcc::key_value_view& kv) {
  return bytes_size(kv.key) + number_size(kv.create_revision) + number_size(kv.mod_revision)
         + number_size(kv.version) + bytes_size(kv.value) + number_size(kv.lease.value);
}

std::uint8_t* write(const mvcc::key_value_view& kv, std::uint8_t* to) {
  to = write_bytes(kv_key, kv.key, to);
  to = write_number(kv_create_revision, kv.create_revision, to);
  to = write_number(kv_mod_revision, kv.mod_revision, to);
  to = write_number(kv_version, kv.version, to);
  to = write_bytes(kv_value, kv.value, to);
  return write_number(kv_lease, kv.lease.value, to);
}

} // namespace

blob encode_event(const mvcc::event& change, const mvcc::key_value* previous) {
  const auto deleted = change.kind == mvcc::event::type::deletion;
  const auto kv =
    deleted ? mvcc::key_value_view{.key = change.kv.key, .mod_revision = change.kv.mod_revision}
            : change.kv.view();
  const auto type = static_cast<std::int64_t>(change.kind);
  const auto kv_length = size_of(kv);
  const auto previous_length = previous ? size_of(previous->view()) : 0;
  const auto length =
    number_size(type) + field_size(kv_length) + (previous ? field_size(previous_length) : 0);

  std::string bytes(field_size(length), '\0');
  auto* to = reinterpret_cast<std::uint8_t*>(bytes.data());
  to = write_head(response_events, length, to);
  to = write_number(event_type, type, to);
  to = write(kv, write_head(event_kv, kv_length, to));
  if (previous)
    write(previous->view(), write_head(event_previous, previous_length, to));
  return blob{std::move(bytes)};
}

} // namespace troupe::watch
