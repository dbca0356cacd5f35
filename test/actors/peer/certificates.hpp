#pragma once

#include <filesystem>
#include <memory>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string>
#include <vector>

namespace troupe::peer {

/// What a test certificate says.
struct certificate_wish {
  std::string common_name = "member";
  /// As OpenSSL writes alternative names: "DNS:a.example,IP:127.0.0.1"; empty: none.
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1";
  /// From now on; negative: it has expired.
  int valid_seconds = 3600;
};

/// Certificate and key of one member, as files.
struct certificate_files {
  std::filesystem::path certificate;
  std::filesystem::path key;
  long serial = 0;
};

/// Signs certificates for a test; everything is made anew for each.
class certificate_authority {
public:
  explicit certificate_authority(std::filesystem::path directory);

  /// PEM.
  const std::filesystem::path& file() const {
    return file_;
  }

  certificate_files issue(const certificate_wish& wish = {});

  /// A revocation list with these serial numbers, written to `name`. @param valid_seconds as above.
  std::filesystem::path revoke(const std::string& name, const std::vector<long>& serials,
                               int valid_seconds = 3600);

private:
  template <class T, void (*Free)(T*)>
  struct freed_by {
    void operator()(T* it) const {
      Free(it);
    }
  };
  using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY, EVP_PKEY_free>>;
  using certificate_ptr = std::unique_ptr<X509, freed_by<X509, X509_free>>;

  certificate_ptr make(const certificate_wish& wish, EVP_PKEY* key, bool is_authority);

  std::filesystem::path directory_;
  std::filesystem::path file_;
  key_ptr key_;
  certificate_ptr own_;
  long last_serial_ = 0;
};

} // namespace troupe::peer
