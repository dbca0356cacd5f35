#include "messages/peer.hpp"

namespace troupe {

std::string to_string(hello_refusal reason) {
  switch (reason) {
  case hello_refusal::none:
    return "none";
  case hello_refusal::other_protocol:
    return "the members speak different versions of the peer protocol";
  case hello_refusal::other_cluster:
    return "cluster ID mismatch";
  case hello_refusal::other_receiver:
    return "meant for another member";
  case hello_refusal::bad_id:
    return "a member with this member's own ID, or with none";
  case hello_refusal::removed:
    return "the member has been permanently removed from the cluster";
  case hello_refusal::older_boot:
    return "the member came back with an older data directory";
  case hello_refusal::second_process:
    return "a second process uses the member's identity";
  }
  return "unknown reason " + std::to_string(static_cast<unsigned>(reason));
}

} // namespace troupe
