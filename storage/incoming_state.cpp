#include "storage/incoming_state.hpp"

#include "messages/ensure.hpp"
#include "storage/crc32c.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace troupe::storage {

incoming_state::incoming_state(file_system& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {
  files_.make_directory(directory_);
  begin({}, {});
}

void incoming_state::begin(std::vector<snapshot_file> expected,
                           const std::set<std::uint32_t>& kept) {
  open_.clear();
  std::set<std::string_view> staying;
  for (auto file : kept)
    staying.insert(expected.at(file).name);
  for (const auto& name : files_.list(directory_))
    if (!staying.contains(name))
      files_.remove(path(name));
  expected_ = std::move(expected);
  for (std::uint32_t file = 0; file < expected_.size(); ++file)
    if (!kept.contains(file))
      files_.open(path(expected_[file].name), open_mode::create);
}

void incoming_state::write(std::uint32_t file, std::uint64_t offset, std::string_view bytes) {
  const auto whole = expected_.at(file).bytes;
  ensure(offset <= whole && bytes.size() <= whole - offset, "a piece lies within its file");
  open(file).write_durable(offset, std::as_bytes(std::span{bytes}));
}

bool incoming_state::check(std::uint32_t file) {
  const auto& expected = expected_.at(file);
  const auto& content = open(file);
  const bool right = content.size() == expected.bytes && checksum_of(content) == expected.checksum;
  open_.erase(file);
  return right;
}

void incoming_state::seal() {
  open_.clear();
  files_.sync_directory(directory_);
}

file& incoming_state::open(std::uint32_t number) {
  auto& open = open_[number];
  if (!open)
    open = files_.open(path(expected_.at(number).name), open_mode::existing);
  return *open;
}

std::uint32_t checksum_of(const file& content) {
  std::vector<std::byte> block(std::size_t{1} << 20);
  std::uint32_t checksum = 0;
  for (std::uint64_t at = 0;; at += block.size()) {
    const auto read = content.read(at, block);
    checksum = crc32c(std::span{block}.first(read), checksum);
    if (read < block.size())
      return checksum;
  }
}

} // namespace troupe::storage
