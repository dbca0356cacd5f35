#include "actors/node/installation.hpp"

#include "actors/log/log.hpp"
#include "actors/node/data_directory.hpp"
#include "actors/node/opened_data.hpp"
#include "messages/ensure.hpp"
#include "storage/crc32c.hpp"
#include "storage/storage_error.hpp"
#include "storage/whole_file.hpp"

#include <array>
#include <boost/endian/conversion.hpp>
#include <span>
#include <utility>

namespace troupe {

namespace {

constexpr const char* marker_name = "installation";

/// Term and index, eight bytes each, and the CRC-32C of them, four; little-endian.
using marker_bytes = std::array<unsigned char, 20>;

std::uint32_t checksum_of(const marker_bytes& marker) {
  return storage::crc32c(std::as_bytes(std::span{marker}.first(16)));
}

marker_bytes encode(entry_id at) {
  marker_bytes marker;
  boost::endian::store_little_u64(marker.data(), at.term.value);
  boost::endian::store_little_u64(marker.data() + 8, at.index.value);
  boost::endian::store_little_u32(marker.data() + 16, checksum_of(marker));
  return marker;
}

} // namespace

installation::installation(storage::file_system& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

void installation::decide(entry_id at) {
  const auto marker = encode(at);
  storage::write_whole_file(files_, directory_, marker_name, std::as_bytes(std::span{marker}));
}

std::optional<entry_id> installation::decided() const {
  if (!storage::holds_name(files_, directory_, marker_name))
    return std::nullopt;
  marker_bytes marker{};
  const auto content = files_.open(marker_path(), storage::open_mode::existing);
  const auto read = content->read(0, std::as_writable_bytes(std::span{marker}));
  if (read < marker.size()
      || boost::endian::load_little_u32(marker.data() + 16) != checksum_of(marker))
    throw storage::storage_error{
      errc::data_damaged, marker_path()
                            + " is damaged: remove the member and add it anew with an empty data "
                              "directory, or restore a backup"};
  return entry_id{{boost::endian::load_little_u64(marker.data())},
                  {boost::endian::load_little_u64(marker.data() + 8)}};
}

void installation::complete(const node_config& config, storage::state_files& states) {
  const auto at = decided();
  if (!at)
    return;
  const data_directory directory{files_, directory_};
  const auto identity = directory.identity();
  ensure(identity.has_value(), "only a member of a cluster receives a state");
  log::info("installing the state of another member", {{"applied-index", at->index.value}});
  states.install(incoming_path(), directory.state_path());
  storage::raft_log::open(files_, directory.log_path(), log_options(config, *identity))
    .log->skip_to(*at);
  files_.remove(marker_path());
  files_.sync_directory(directory_);
}

} // namespace troupe
