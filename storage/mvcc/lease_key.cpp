#include "storage/mvcc/lease_key.hpp"

#include "messages/ensure.hpp"

#include <boost/endian/conversion.hpp>
#include <cstdint>
#include <utility>

namespace troupe::mvcc {

namespace {

constexpr char attachment_mark = 'a';
constexpr char lease_mark = 'l';
constexpr std::size_t prefix_bytes = 9;

std::string marked(char mark, std::uint64_t number) {
  std::string key(prefix_bytes, mark);
  boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(key.data() + 1), number);
  return key;
}

std::uint64_t number_of(lease_id lease) {
  return static_cast<std::uint64_t>(lease.value);
}

} // namespace

std::string lease_key(lease_id lease) {
  return marked(lease_mark, number_of(lease));
}

key_range all_lease_keys() {
  return {std::string{lease_mark}, std::string{lease_mark + 1}};
}

std::string attachment_key(lease_id lease, std::string_view key) {
  return marked(attachment_mark, number_of(lease)).append(key);
}

key_range attachments_of(lease_id lease) {
  auto number = number_of(lease);
  auto end =
    number == UINT64_MAX ? std::string{attachment_mark + 1} : marked(attachment_mark, number + 1);
  return {marked(attachment_mark, number), std::move(end)};
}

std::string_view attached_key(std::string_view attachment) {
  ensure(is_attachment(attachment), "an attachment names lease and key");
  return attachment.substr(prefix_bytes);
}

bool is_attachment(std::string_view key) {
  return key.size() > prefix_bytes && key.front() == attachment_mark;
}

} // namespace troupe::mvcc
