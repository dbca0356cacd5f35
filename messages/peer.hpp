#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <string>

namespace troupe {

// --- between the peer networks of two members; each crosses processes. A changed message is a new
// type beside the old one.

/// The version of everything that members say to each other. Raised when a member of the version
/// before could not take part any more.
inline constexpr std::uint32_t peer_protocol = 1;

/// The first message in either direction of a connection between members. Nothing else counts
/// before it.
struct hello_v1 {
  std::uint32_t protocol = peer_protocol;
  cluster_id cluster;
  /// Who says it.
  member_id member;
  boot_count boot;
  /// Drawn at each start. Two processes with the same `boot` stand on copies of one data directory.
  std::uint64_t incarnation = 0;
  /// Who it is said to, as the speaker believes.
  member_id receiver;

  friend bool operator==(const hello_v1&, const hello_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hello_v1& x) {
  return f(x.protocol, x.cluster, x.member, x.boot, x.incarnation, x.receiver);
}

/// Why a hello was not accepted.
enum class hello_refusal : std::uint8_t {
  none = 0,
  other_protocol,
  other_cluster,
  /// It was meant for another member.
  other_receiver,
  /// The speaker has the receiver's own id, or none.
  bad_id,
  /// The speaker was a member once and is none any more.
  removed,
  /// The speaker was seen with a higher boot count: its data directory is older than what it has
  /// promised since (checklist 36).
  older_boot,
  /// Another process was seen with the same boot count: one of the two stands on a copy of the data
  /// directory.
  second_process,
};

/// For the log.
std::string to_string(hello_refusal reason);

/// The answer to a hello that was not accepted; the connection ends.
struct hello_refused_v1 {
  hello_refusal reason = hello_refusal::none;

  friend bool operator==(const hello_refused_v1&, const hello_refused_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hello_refused_v1& x) {
  return f(x.reason);
}

/// Comes back as `pong_v1` with the same number.
struct ping_v1 {
  std::uint64_t number = 0;

  friend bool operator==(const ping_v1&, const ping_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ping_v1& x) {
  return f(x.number);
}

struct pong_v1 {
  std::uint64_t number = 0;

  friend bool operator==(const pong_v1&, const pong_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, pong_v1& x) {
  return f(x.number);
}

} // namespace troupe
