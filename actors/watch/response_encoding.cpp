#include "actors/watch/response_encoding.hpp"

#include <span>
#include <string>
#include <utility>

namespace troupe::watch {

namespace {

/// One event is what a wake-up of very many is mostly about: it needs no memory here, and of what
/// all watchers share it touches the reference count only for what goes out.
using encodings = boost::container::small_vector<const blob*, 4>;

encodings encodings_of(const watch_events& events, const packed_interest& interest) {
  encodings result;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i];
    if (event.change.kind == mvcc::event::type::put ? interest.puts() : interest.deletions())
      result.push_back(interest.previous() ? &event.encoded_with_previous : &event.encoded);
  }
  return result;
}

std::size_t bytes_of(std::span<const blob* const> parts) {
  std::size_t bytes = 0;
  for (const auto* part : parts)
    bytes += part->size();
  return bytes;
}

blob concatenated(std::span<const blob* const> parts) {
  auto whole = *parts.front();
  std::size_t joined = 1;
  for (; joined < parts.size(); ++joined) {
    auto longer = whole.joined(*parts[joined]);
    if (!longer)
      break;
    whole = std::move(*longer);
  }
  if (joined == parts.size())
    return whole;
  std::string bytes;
  bytes.reserve(bytes_of(parts));
  for (const auto* part : parts)
    bytes += part->view();
  return blob{std::move(bytes)};
}

/// How many of `parts` the next fragment takes: at least one, and no more than fit.
std::size_t fragment_length(std::span<const blob* const> parts, std::size_t head,
                            std::size_t limit) {
  std::size_t count = 1;
  auto bytes = head + parts.front()->size();
  while (count < parts.size() && bytes + parts[count]->size() < limit)
    bytes += parts[count++]->size();
  return count;
}

void fill(etcdserverpb::WatchResponse& response, const response_identity& identity,
          const response_frame& frame) {
  auto& header = *response.mutable_header();
  header.set_cluster_id(identity.cluster.value);
  header.set_member_id(identity.member.value);
  header.set_revision(frame.revision);
  header.set_raft_term(frame.term.value);
  response.set_watch_id(frame.watch);
}

} // namespace

etcdserverpb::WatchResponse response_of(const response_identity& identity,
                                        const response_frame& frame) {
  etcdserverpb::WatchResponse response;
  fill(response, identity, frame);
  return response;
}

watch_pieces encode_events(const watch_events& events, const packed_interest& interest,
                           const response_identity& identity, const response_frame& frame,
                           std::size_t fragment_bytes) {
  auto all = encodings_of(events, interest);
  if (all.empty())
    return {};
  // Both are filled in again and again on each thread, so that their memory stays.
  thread_local etcdserverpb::WatchResponse response;
  thread_local std::string bytes;
  fill(response, identity, frame);
  auto head_with = [&](bool fragment) {
    response.set_fragment(fragment);
    response.SerializeToString(&bytes);
    return blob::copy_of(bytes);
  };
  watch_pieces pieces;
  auto last_head = head_with(false);
  std::span<const blob* const> rest{all.data(), all.size()};
  if (fragment_bytes == 0 || rest.size() < 2
      || last_head.size() + bytes_of(rest) < fragment_bytes) {
    pieces.push_back({std::move(last_head), concatenated(rest)});
    return pieces;
  }
  auto head = head_with(true);
  while (!rest.empty()) {
    auto count = fragment_length(rest, head.size(), fragment_bytes);
    pieces.push_back(
      {count == rest.size() ? last_head : head, concatenated(rest.subspan(0, count))});
    rest = rest.subspan(count);
  }
  return pieces;
}

} // namespace troupe::watch
