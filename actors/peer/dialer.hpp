#pragma once

#include "actors/peer/connection.hpp"
#include "actors/peer/endpoint.hpp"
#include "actors/peer/resolver.hpp"
#include "actors/tls/tls_context.hpp"
#include "messages/clock.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::peer {

/// Opens connections to one peer; each attempt blocks for a bounded time.
///
/// A packet that is lost on its way is repeated by the kernel after 1, 3 and 7 seconds: too late
/// for a network that has healed meanwhile. So while an attempt lasts it begins anew every
/// `interval`, with the peer's addresses in turn, and the first connection that stands wins: a
/// healed network is noticed within the interval, a slow one has the whole time.
class dialer {
public:
  struct options {
    std::chrono::milliseconds interval{100};
    /// For names, for TCP, and for the TLS handshake; each.
    std::chrono::milliseconds patience{1000};
    /// After which a connection without an answer from the other machine ends.
    std::chrono::milliseconds silence{1000};
  };

  /// @param endpoints where the peer is reached; all of them count alike. @param tls null: only
  /// those without TLS are reached, else only those with it.
  dialer(std::vector<endpoint> endpoints, options options, std::shared_ptr<const clock> time,
         std::shared_ptr<tls::tls_context> tls, name_lookup lookup = look_up);

  /// For one thread at a time. @returns none, and why.
  std::optional<connection> dial(std::string& why);

  /// From any thread: the attempt under way, and every later one, ends at once.
  void cancel();

private:
  struct target {
    const endpoint* of;
    socket_address address;
  };

  struct attempt {
    unique_socket socket;
    const endpoint* of;
  };

  std::vector<target> find_targets(std::string& why);
  std::optional<attempt> connect_any(const std::vector<target>& targets, std::string& why);
  void begin(const target& next, std::vector<attempt>& attempts, std::string& why) const;
  std::optional<attempt> wait_for(std::vector<attempt>& attempts, time_point until,
                                  std::string& why);
  bool secure(connection& opened, const endpoint& of, std::string& why);
  bool wait_on(int descriptor, short events, time_point until);

  std::vector<endpoint> endpoints_;
  std::vector<std::unique_ptr<resolver>> resolvers_;
  options options_;
  std::shared_ptr<const clock> time_;
  std::shared_ptr<tls::tls_context> tls_;
  /// Readable once cancelled.
  unique_socket cancelled_;
};

} // namespace troupe::peer
