#pragma once

#include "messages/ids.hpp"
#include "storage/mvcc/digest.hpp"
#include "storage/mvcc/source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the MVCC store writes into the engine's families; storage/format.md has the layouts. Every
/// decoder throws storage_error data_damaged on bytes that no encoder made.
namespace troupe::mvcc {

/// What a put needs to know of the key it replaces.
struct key_head {
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  lease_id lease;
};

/// The value of `data`: head, then the user's value. Replaces what is in `out`.
void encode_version(const key_head& head, std::string_view value, std::string& out);

/// @returns how many bytes of `record` stand before the user's value.
std::size_t decode_head(std::string_view record, key_head& head);

/// The key of `events`: orders like the revision.
class event_key {
public:
  explicit event_key(revision at);

  std::string_view view() const {
    return {bytes_, sizeof bytes_};
  }

private:
  char bytes_[16];
};

revision decode_event_key(std::string_view key);

/// The value of `events`.
struct event_record {
  enum class type : std::uint8_t { create = 0, update = 1, deletion = 2 };

  type kind = type::create;
  std::string_view key;
  /// The record that `data` held before the same revision changed the key again; else empty.
  std::string_view replaced;
};

void encode_event(const event_record& event, std::string& out);
event_record decode_event(std::string_view record);

/// The record `state` of `meta`: what the rest of the store is the effect of.
struct store_state {
  std::int64_t revision = 1;
  /// -1: never compacted.
  std::int64_t compacted = -1;
  entry_id applied;
  /// None: whoever wrote the state did not know it. Opening a store finds it out.
  std::optional<state_digest> digest = std::nullopt;
};

inline constexpr std::string_view state_key = "state";

std::string encode_state(const store_state& state);
store_state decode_state(std::string_view record);

} // namespace troupe::mvcc
