#include "actors/node/identity.hpp"

#include "messages/ensure.hpp"

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>
#include <openssl/evp.h>

namespace troupe {

namespace {

std::uint64_t first_bytes_of_sha1(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int length = 0;
  auto done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha1(), nullptr);
  ensure(done == 1 && length >= 8, "SHA-1 is available");
  return boost::endian::load_big_u64(digest.data());
}

} // namespace

member_id derive_member_id(std::vector<std::string> peer_urls, std::string_view cluster_token) {
  std::sort(peer_urls.begin(), peer_urls.end());
  std::string bytes;
  for (const auto& url : peer_urls)
    bytes += url;
  bytes += cluster_token;
  return {first_bytes_of_sha1(bytes)};
}

cluster_id derive_cluster_id(std::vector<member_id> members) {
  std::sort(members.begin(), members.end());
  std::string bytes;
  for (auto member : members) {
    std::array<unsigned char, 8> id;
    boost::endian::store_big_u64(id.data(), member.value);
    bytes.append(reinterpret_cast<const char*>(id.data()), id.size());
  }
  return {first_bytes_of_sha1(bytes)};
}

} // namespace troupe
