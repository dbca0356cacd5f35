#include "actors/tls/tls_session.hpp"

#include <cerrno>
#include <cstring>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <utility>

namespace troupe::tls {

namespace {

struct release_certificate {
  void operator()(X509* certificate) const {
    X509_free(certificate);
  }
};

std::string common_name_of(X509& certificate) {
  const auto* subject = X509_get_subject_name(&certificate);
  auto place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (place < 0)
    return {};
  const auto* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
  unsigned char* bytes = nullptr;
  auto size = ASN1_STRING_to_UTF8(&bytes, text);
  if (size < 0)
    return {};
  std::string result{reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size)};
  OPENSSL_free(bytes);
  return result;
}

bool valid_for(X509& certificate, const std::string& host) {
  return X509_check_ip_asc(&certificate, host.c_str(), 0) == 1
         || X509_check_host(&certificate, host.c_str(), host.size(), 0, nullptr) == 1;
}

} // namespace

std::string take_errors() {
  std::string result;
  while (auto code = ERR_get_error()) {
    char text[256];
    ERR_error_string_n(code, text, sizeof text);
    result += (result.empty() ? "" : "; ");
    result += text;
  }
  return result;
}

session::session(SSL* owned, demands wanted) : ssl_(owned), demands_(std::move(wanted)) {}

void session::expect_client() {
  SSL_set_accept_state(ssl_.get());
}

void session::expect_server(const std::string& host, bool is_address) {
  SSL_set_connect_state(ssl_.get());
  // Without certificates of clients there still is one of the server.
  SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, SSL_get_verify_callback(ssl_.get()));
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
    return;
  }
  SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set1_host(ssl_.get(), host.c_str());
  SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
}

outcome session::refuse(std::string why) {
  why_ = std::move(why);
  return outcome::failed;
}

bool session::satisfied() {
  if (demands_.common_name.empty() && demands_.host.empty())
    return true;
  std::unique_ptr<X509, release_certificate> certificate{SSL_get1_peer_certificate(ssl_.get())};
  if (!certificate)
    why_ = "there is no certificate at the other end";
  else if (!demands_.common_name.empty() && common_name_of(*certificate) != demands_.common_name)
    why_ = "the certificate's common name \"" + common_name_of(*certificate) + "\" is not allowed";
  else if (!demands_.host.empty() && !valid_for(*certificate, demands_.host))
    why_ = "the certificate is not valid for " + demands_.host;
  return why_.empty();
}

outcome session::judge(int result) {
  auto system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
  case SSL_ERROR_WANT_READ:
    return outcome::wants_read;
  case SSL_ERROR_WANT_WRITE:
    return outcome::wants_write;
  case SSL_ERROR_ZERO_RETURN:
    why_ = "closed by the other end";
    return outcome::closed;
  case SSL_ERROR_SYSCALL:
    why_ = take_errors();
    if (why_.empty())
      why_ = system_error == 0 ? "closed by the other end" : std::strerror(system_error);
    return outcome::failed;
  default:
    return refuse(take_errors());
  }
}

outcome session::handshake() {
  ERR_clear_error();
  errno = 0;
  auto result = SSL_do_handshake(ssl_.get());
  if (result == 1)
    return satisfied() ? outcome::done : outcome::failed;
  auto how = judge(result);
  auto verified = SSL_get_verify_result(ssl_.get());
  if (how == outcome::failed && verified != X509_V_OK)
    why_ += std::string{": "} + X509_verify_cert_error_string(verified);
  return how;
}

outcome session::read(void* to, std::size_t size, std::size_t& moved) {
  ERR_clear_error();
  errno = 0;
  auto result = SSL_read_ex(ssl_.get(), to, size, &moved);
  return result == 1 ? outcome::done : judge(result);
}

outcome session::peek(void* to, std::size_t size, std::size_t& moved) {
  ERR_clear_error();
  errno = 0;
  auto result = SSL_peek_ex(ssl_.get(), to, size, &moved);
  return result == 1 ? outcome::done : judge(result);
}

outcome session::write(const void* from, std::size_t size, std::size_t& moved) {
  ERR_clear_error();
  errno = 0;
  auto result = SSL_write_ex(ssl_.get(), from, size, &moved);
  return result == 1 ? outcome::done : judge(result);
}

std::size_t session::pending() const {
  return static_cast<std::size_t>(SSL_pending(ssl_.get()));
}

} // namespace troupe::tls
