#include "test/actors/peer/certificates.hpp"

#include <cstdio>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <utility>

namespace troupe::peer {

namespace {

void require(bool fact, const char* what) {
  if (!fact)
    throw std::runtime_error{what};
}

template <class Write>
void write_file(const std::filesystem::path& path, Write write) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "w"), std::fclose};
  require(file && write(file.get()) == 1, "a test certificate cannot be written");
}

void write_key(const std::filesystem::path& path, EVP_PKEY* key) {
  write_file(path, [&](std::FILE* to) {
    return PEM_write_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void extend(X509& certificate, X509& issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  require(extension, "a test certificate's extension cannot be made");
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

} // namespace

certificate_authority::certificate_authority(std::filesystem::path directory)
    : directory_(std::move(directory)), file_(directory_ / "ca.pem"), key_(EVP_EC_gen("P-256")) {
  std::filesystem::create_directories(directory_);
  own_ =
    make({.common_name = "authority " + directory_.filename().string(), .alternative_names = ""},
         key_.get(), true);
  write_file(file_, [&](std::FILE* to) { return PEM_write_X509(to, own_.get()); });
}

certificate_authority::certificate_ptr
certificate_authority::make(const certificate_wish& wish, EVP_PKEY* key, bool is_authority) {
  certificate_ptr result{X509_new()};
  X509_set_version(result.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(result.get()), ++last_serial_);
  // It began a day before, so that one that has expired was valid once.
  X509_gmtime_adj(X509_getm_notBefore(result.get()), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(result.get()), wish.valid_seconds);
  X509_set_pubkey(result.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(result.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  auto& issuer = is_authority ? *result : *own_;
  X509_set_issuer_name(result.get(), X509_get_subject_name(&issuer));
  extend(*result, issuer, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!is_authority)
    extend(*result, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  if (!wish.alternative_names.empty())
    extend(*result, issuer, NID_subject_alt_name, wish.alternative_names);
  require(X509_sign(result.get(), key_.get(), EVP_sha256()) > 0,
          "a test certificate cannot be signed");
  return result;
}

certificate_files certificate_authority::issue(const certificate_wish& wish) {
  key_ptr key{EVP_EC_gen("P-256")};
  auto certificate = make(wish, key.get(), false);
  auto name = std::to_string(last_serial_);
  certificate_files result{directory_ / (name + ".pem"), directory_ / (name + ".key"),
                           last_serial_};
  write_file(result.certificate,
             [&](std::FILE* to) { return PEM_write_X509(to, certificate.get()); });
  write_key(result.key, key.get());
  return result;
}

std::filesystem::path certificate_authority::revoke(const std::string& name,
                                                    const std::vector<long>& serials,
                                                    int valid_seconds) {
  std::unique_ptr<X509_CRL, freed_by<X509_CRL, X509_CRL_free>> list{X509_CRL_new()};
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(own_.get()));
  std::unique_ptr<ASN1_TIME, freed_by<ASN1_TIME, ASN1_TIME_free>> time{ASN1_TIME_new()};
  X509_gmtime_adj(time.get(), -86'400);
  X509_CRL_set1_lastUpdate(list.get(), time.get());
  for (auto serial : serials) {
    auto* revoked = X509_REVOKED_new();
    std::unique_ptr<ASN1_INTEGER, freed_by<ASN1_INTEGER, ASN1_INTEGER_free>> number{
      ASN1_INTEGER_new()};
    ASN1_INTEGER_set(number.get(), serial);
    X509_REVOKED_set_serialNumber(revoked, number.get());
    X509_REVOKED_set_revocationDate(revoked, time.get());
    X509_CRL_add0_revoked(list.get(), revoked);
  }
  X509_gmtime_adj(time.get(), valid_seconds);
  X509_CRL_set1_nextUpdate(list.get(), time.get());
  require(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0,
          "a test revocation list cannot be signed");
  auto path = directory_ / name;
  write_file(path, [&](std::FILE* to) { return PEM_write_X509_CRL(to, list.get()); });
  return path;
}

} // namespace troupe::peer
