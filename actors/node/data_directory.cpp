#include "actors/node/data_directory.hpp"

#include "messages/ensure.hpp"
#include "messages/proto/record.pb.h"
#include "storage/storage_error.hpp"
#include "storage/whole_file.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace troupe {

namespace {

/// Far more than an identity takes.
constexpr std::size_t max_identity_bytes = 4096;

} // namespace

data_directory::data_directory(storage::file_system& files, std::string path)
    : files_(files), path_(std::move(path)) {
  files_.make_directory(path_);
}

std::optional<data_identity> data_directory::identity() const {
  auto names = files_.list(path_);
  auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has(restoring_name))
    throw storage::storage_error{errc::data_damaged,
                                 path_
                                   + " holds a backup that was not restored to its end: restore it "
                                     "again, which replaces what is there"};
  if (!has("identity")) {
    if (has("log") || has("state"))
      throw storage::storage_error{errc::data_foreign,
                                   path_
                                     + " holds data but no file `identity`: restore the whole "
                                       "directory, or use an empty one"};
    return std::nullopt;
  }
  std::array<std::byte, max_identity_bytes> bytes;
  auto size = files_.open(identity_path(), storage::open_mode::existing)->read(0, bytes);
  record::Identity stored;
  bool whole = stored.ParseFromArray(bytes.data(), static_cast<int>(size));
  if (!whole || stored.cluster_id() == 0 || stored.member_id() == 0)
    throw storage::storage_error{errc::data_damaged,
                                 identity_path()
                                   + " is damaged: restore it from a backup, or rejoin the cluster "
                                     "with an empty directory"};
  return data_identity{{stored.cluster_id()}, {stored.member_id()}};
}

void data_directory::found(const data_identity& identity) {
  record::Identity stored;
  stored.set_cluster_id(identity.cluster.value);
  stored.set_member_id(identity.member.value);
  auto bytes = stored.SerializeAsString();
  storage::write_whole_file(files_, path_, "identity", std::as_bytes(std::span{bytes}));
}

void data_directory::begin_restore() {
  if (!storage::holds_name(files_, path_, restoring_name))
    files_.open(path_ + "/" + restoring_name, storage::open_mode::create);
  files_.sync_directory(path_);
}

void data_directory::end_restore() {
  // First all that was made, then that it counts.
  files_.sync_directory(path_);
  files_.remove(path_ + "/" + restoring_name);
  files_.sync_directory(path_);
}

} // namespace troupe
