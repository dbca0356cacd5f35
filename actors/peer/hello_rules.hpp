#pragma once

#include "messages/ids.hpp"
#include "messages/membership.hpp"
#include "messages/peer.hpp"
#include "messages/raft.hpp"

#include <cstdint>
#include <map>
#include <set>

namespace troupe::peer {

/// Who this member is, for as long as its process runs.
struct own_identity {
  cluster_id cluster;
  member_id member;
  boot_count boot;
  /// Drawn at the start, from the node's seed.
  std::uint64_t incarnation = 0;
};

/// Judges those who say hello, in either direction. A hello that is refused changes nothing.
class hello_rules {
public:
  /// @param boots the highest boot count that is known of each member.
  hello_rules(own_identity own, std::map<member_id, boot_count> boots);

  /// What this member says to that one.
  hello_v1 hello_to(member_id receiver) const;

  /// Who belongs to the configuration in force. Others may take part too, for this member may not
  /// have heard of them yet, but nothing is remembered of them.
  void configured(std::set<member_id> ids);

  /// Ids that must not come back. None of them comes off the list again.
  void removed(const std::set<member_id>& ids);

  /// @param expected who must be at the other end; 0: whoever says so. If the answer is `none` and
  /// it is configured, its boot count and process are remembered.
  hello_refusal judge(const hello_v1& said, member_id expected);

  bool is_configured(member_id id) const {
    return configured_.contains(id);
  }

private:
  struct seen {
    boot_count boot;
    /// 0: not seen since this process started.
    std::uint64_t incarnation = 0;
  };

  hello_refusal refusal_of(const hello_v1& said, member_id expected) const;

  own_identity own_;
  std::map<member_id, seen> seen_;
  std::set<member_id> configured_;
  std::set<member_id> removed_;
};

/// Who says that it sent a message between members; 0 if the message does not tell.
member_id sender_of(const request_vote& what);
member_id sender_of(const request_vote_reply& what);
member_id sender_of(const append& what);
member_id sender_of(const append_reply& what);
member_id sender_of(const timeout_now& what);
member_id sender_of(const forward_propose& what);
member_id sender_of(const forward_refused& what);
member_id sender_of(const forward_read& what);
member_id sender_of(const forward_read_reply& what);

/// About what a message takes on its way; never 0.
std::uint64_t size_of(const append& what);
std::uint64_t size_of(const forward_propose& what);
std::uint64_t size_of(const forward_refused& what);

template <class Message>
std::uint64_t size_of(const Message&) {
  return 128;
}

} // namespace troupe::peer
