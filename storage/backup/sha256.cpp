#include "storage/backup/sha256.hpp"

#include "messages/ensure.hpp"

#include <openssl/evp.h>

namespace troupe::backup {

namespace {

constexpr const char* available = "SHA-256 is available";

} // namespace

struct sha256::state {
  state() : context(EVP_MD_CTX_new()) {
    ensure(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1, available);
  }

  state(const state&) = delete;
  state& operator=(const state&) = delete;

  ~state() {
    EVP_MD_CTX_free(context);
  }

  EVP_MD_CTX* context;
};

sha256::sha256() : state_(std::make_unique<state>()) {}

sha256::~sha256() = default;
sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;

void sha256::add(std::string_view bytes) {
  ensure(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, available);
}

std::string sha256::digest() const {
  const state copy;
  std::string bytes(sha256_bytes, '\0');
  unsigned int length = 0;
  ensure(
    EVP_MD_CTX_copy_ex(copy.context, state_->context) == 1
      && EVP_DigestFinal_ex(copy.context, reinterpret_cast<unsigned char*>(bytes.data()), &length)
           == 1
      && length == sha256_bytes,
    available);
  return bytes;
}

} // namespace troupe::backup
