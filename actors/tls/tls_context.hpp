#pragma once

#include "actors/tls/tls_session.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace troupe::tls {

/// Certificates that cannot be used; the text is for the operator.
class tls_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Where one port's certificates are, and whom they let in.
struct tls_options {
  /// PEM: the own certificate first, then those between it and the CA.
  std::filesystem::path certificate;
  /// PEM, without a passphrase.
  std::filesystem::path key;
  /// PEM: whose signatures count. What the system trusts counts for nothing.
  std::filesystem::path ca;
  /// PEM: certificates of that CA that count no more; empty: none. One that has expired still
  /// counts, so that a list that nobody renewed does not take the cluster down.
  std::filesystem::path crl;
  /// Who connects must show a certificate of the CA.
  bool client_certificates = true;
  /// If not empty, the subject's common name of whoever is at the other end.
  std::string allowed_common_name;
  /// If not empty, a name or IP address for which the certificate at the other end must be valid.
  std::string allowed_host;
};

/// What all TLS connections of a port share: TLS 1.2 or newer, ciphers with forward secrecy, no
/// resumption, no renegotiation. Callable from every thread; connections keep what they began with.
class tls_context {
public:
  /// @throws tls_error naming the file that cannot be used.
  explicit tls_context(tls_options options);

  /// For a connection that somebody else opened on this socket, which stays the caller's.
  session accept(int descriptor) const;

  /// For a connection to `host`, a name or an IP address: the certificate there must be valid for
  /// it. The socket stays the caller's.
  session connect(int descriptor, const std::string& host) const;

  /// Reads all files anew. @returns why they cannot be used; then the old ones stay in use.
  std::optional<std::string> reload();

  /// The same, if a file has changed since they were last read; else does nothing.
  std::optional<std::string> reload_if_changed();

  /// How often files were taken into use after the first time, and how often they were unusable.
  struct reload_counts {
    std::uint64_t loaded = 0;
    std::uint64_t refused = 0;
  };
  reload_counts reloads() const;

private:
  /// Time of the last write and size of each file; zero for one that cannot be looked at.
  using stamps = std::vector<std::pair<std::filesystem::file_time_type, std::uintmax_t>>;

  stamps look() const;
  std::shared_ptr<SSL_CTX> load() const;
  std::shared_ptr<SSL_CTX> in_use() const;
  std::optional<std::string> reload(stamps seen);

  tls_options options_;
  mutable std::mutex mutex_;
  stamps seen_;
  std::shared_ptr<SSL_CTX> context_;
  reload_counts counts_;
};

} // namespace troupe::tls
