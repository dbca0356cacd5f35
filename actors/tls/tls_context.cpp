#include "actors/tls/tls_context.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <system_error>

namespace troupe::tls {

namespace {

/// With forward secrecy and authentication of every record; TLS 1.3 has no others.
constexpr auto ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

[[noreturn]] void fail(const std::string& what) {
  auto why = take_errors();
  throw tls_error{why.empty() ? what : what + ": " + why};
}

/// A key with a passphrase is refused instead of asked for on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

/// A revocation list that nobody renewed still names whom it names.
int tolerate_old_list(int verified, X509_STORE_CTX* store) {
  if (verified == 1 || X509_STORE_CTX_get_error(store) != X509_V_ERR_CRL_HAS_EXPIRED)
    return verified;
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

void set_rules(SSL_CTX& context, const tls_options& options) {
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION
                                  | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Every connection is judged by its own certificate and today's revocation list.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&context, 0);
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                               | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(&context, no_passphrase);
  auto demand = options.client_certificates ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                            : SSL_VERIFY_NONE;
  SSL_CTX_set_verify(&context, demand, tolerate_old_list);
  if (SSL_CTX_set_cipher_list(&context, ciphers) != 1)
    fail("ciphers cannot be chosen");
}

/// A key that is not of this certificate does not load.
void load_own(SSL_CTX& context, const tls_options& options) {
  if (SSL_CTX_use_certificate_chain_file(&context, options.certificate.c_str()) != 1)
    fail("certificate file " + options.certificate.string());
  if (SSL_CTX_use_PrivateKey_file(&context, options.key.c_str(), SSL_FILETYPE_PEM) != 1)
    fail("key file " + options.key.string());
}

void load_trust(SSL_CTX& context, const tls_options& options) {
  if (SSL_CTX_load_verify_file(&context, options.ca.c_str()) != 1)
    fail("CA file " + options.ca.string());
  if (options.crl.empty())
    return;
  auto* store = SSL_CTX_get_cert_store(&context);
  auto* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (!lookup || X509_load_crl_file(lookup, options.crl.c_str(), X509_FILETYPE_PEM) < 1)
    fail("revocation list " + options.crl.string());
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
}

bool is_address(const std::string& host) {
  in6_addr unused;
  return inet_pton(AF_INET, host.c_str(), &unused) == 1
         || inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

session new_session(const std::shared_ptr<SSL_CTX>& context, int descriptor,
                    session::demands demands) {
  ERR_clear_error();
  auto* ssl = SSL_new(context.get());
  if (!ssl || SSL_set_fd(ssl, descriptor) != 1) {
    SSL_free(ssl);
    fail("a TLS connection cannot be set up");
  }
  return {ssl, std::move(demands)};
}

} // namespace

tls_context::tls_context(tls_options options)
    : options_(std::move(options)), seen_(look()), context_(load()) {}

tls_context::stamps tls_context::look() const {
  stamps result;
  for (const auto& file : {options_.certificate, options_.key, options_.ca, options_.crl}) {
    std::error_code ignored;
    auto written = std::filesystem::last_write_time(file, ignored);
    auto size = std::filesystem::file_size(file, ignored);
    result.emplace_back(ignored ? std::filesystem::file_time_type{} : written, ignored ? 0 : size);
  }
  return result;
}

std::shared_ptr<SSL_CTX> tls_context::load() const {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> result{SSL_CTX_new(TLS_method()), SSL_CTX_free};
  if (!result)
    fail("TLS is not available");
  set_rules(*result, options_);
  load_own(*result, options_);
  load_trust(*result, options_);
  return result;
}

std::shared_ptr<SSL_CTX> tls_context::in_use() const {
  std::scoped_lock lock{mutex_};
  return context_;
}

session tls_context::accept(int descriptor) const {
  session::demands demands;
  if (options_.client_certificates)
    demands = {options_.allowed_common_name, options_.allowed_host};
  auto result = new_session(in_use(), descriptor, std::move(demands));
  result.expect_client();
  return result;
}

session tls_context::connect(int descriptor, const std::string& host) const {
  auto result =
    new_session(in_use(), descriptor, {options_.allowed_common_name, options_.allowed_host});
  result.expect_server(host, is_address(host));
  return result;
}

std::optional<std::string> tls_context::reload() {
  return reload(look());
}

std::optional<std::string> tls_context::reload_if_changed() {
  auto now = look();
  {
    std::scoped_lock lock{mutex_};
    if (now == seen_)
      return std::nullopt;
  }
  return reload(std::move(now));
}

std::optional<std::string> tls_context::reload(stamps seen) {
  std::shared_ptr<SSL_CTX> loaded;
  std::optional<std::string> why;
  try {
    loaded = load();
  } catch (const tls_error& error) {
    why = error.what();
  }
  std::scoped_lock lock{mutex_};
  seen_ = std::move(seen);
  if (loaded)
    context_ = std::move(loaded);
  ++(why ? counts_.refused : counts_.loaded);
  return why;
}

tls_context::reload_counts tls_context::reloads() const {
  std::scoped_lock lock{mutex_};
  return counts_;
}

} // namespace troupe::tls
