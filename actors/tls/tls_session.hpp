#pragma once

#include <cstddef>
#include <memory>
#include <openssl/ssl.h>
#include <string>

namespace troupe::tls {

/// What an operation needs before it can be tried again.
enum class outcome { done, wants_read, wants_write, closed, failed };

/// One TLS connection over a non-blocking socket that belongs to somebody else. Movable; for one
/// thread at a time. Every call clears OpenSSL's queue of errors first: what another connection
/// left there would count against this one.
class session {
public:
  /// Whoever it talks to must satisfy these once the handshake is over; empty: anybody does.
  struct demands {
    std::string common_name;
    std::string host;
  };

  session(SSL* owned, demands wanted);

  /// One of these comes before the handshake. A server's certificate must be valid for `host`.
  void expect_client();
  void expect_server(const std::string& host, bool is_address);

  /// Goes on with the handshake. `done`: it is over and the other end is who it must be. On
  /// `failed` and `closed`, `why()` tells the reason.
  outcome handshake();

  /// @param moved the number of bytes, if `done`.
  outcome read(void* to, std::size_t size, std::size_t& moved);
  outcome write(const void* from, std::size_t size, std::size_t& moved);

  /// As `read`, but the bytes stay.
  outcome peek(void* to, std::size_t size, std::size_t& moved);

  /// Bytes that were received and decrypted: the socket will not announce them.
  std::size_t pending() const;

  /// Of the last failure; for people.
  const std::string& why() const {
    return why_;
  }

private:
  outcome judge(int result);
  bool satisfied();
  outcome refuse(std::string why);

  struct release {
    void operator()(SSL* ssl) const {
      SSL_free(ssl);
    }
  };

  std::unique_ptr<SSL, release> ssl_;
  demands demands_;
  std::string why_;
};

/// OpenSSL's reasons for the failure of the last call, oldest first, and forgets them.
std::string take_errors();

} // namespace troupe::tls
