#pragma once

#include "messages/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe::snapshot {

struct receiver_limits {
  /// Of one request.
  std::uint32_t chunk_bytes = 256 << 10;
  /// Requests without an answer at a time.
  std::size_t chunks_in_flight = 8;
  /// A request that is older than this is repeated, and so is one for the whole file whose content
  /// turned out wrong.
  unsigned retry_ticks = 10;
  /// Nothing has come for so long: the transfer is given up. What is on disk serves the next.
  unsigned patience_ticks = 100;
  /// A file that is wrong so often makes the transfer fail.
  unsigned attempts = 3;
};

/// What a step asks of its host, to be done from top to bottom.
struct receiver_output {
  /// Begin to take in this state: files that are not in it go, those of `kept` stay.
  struct beginning {
    snapshot_offer what;
    std::set<std::uint32_t> kept;
  };

  struct piece {
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
    blob content;
  };

  std::optional<beginning> begin;
  std::vector<piece> to_write;
  /// All of this file has been written: sync it, read it again, and say whether its checksum is the
  /// one of the offer (`on_checked`).
  std::vector<std::uint32_t> to_check;
  /// To whoever offered it.
  std::vector<snapshot_request> requests;
  /// Every file is there, synced and checked: make that durable as a whole; then `end` leaves and
  /// the state may be installed.
  std::optional<entry_id> complete;
  /// To the sender.
  std::optional<std::pair<member_id, snapshot_end>> end;
};

/// Takes one state in at a time (paper 7). Pure: time comes as ticks, the disk is the host's. The
/// newest offer counts; of an earlier one by the same member, files that are the same stay
/// (checklist 38, 41).
class receiver_core {
public:
  receiver_core(member_id self, receiver_limits limits = {}) : self_(self), limits_(limits) {}

  /// @param applied what the own state holds: an offer that is not ahead of it is declined.
  void on(const snapshot_offer& offer, log_index applied, receiver_output& out);

  /// Of another transfer, unasked for or damaged: ignored.
  void on(const snapshot_chunk& chunk, receiver_output& out);

  void on_checked(std::uint32_t file, bool right, receiver_output& out);

  /// The host cannot write: the transfer ends.
  void on_failure(errc reason, receiver_output& out);

  void on_tick(receiver_output& out);

  /// Whether a transfer is under way.
  bool busy() const {
    return offer_.has_value();
  }

private:
  struct place {
    std::uint32_t file = 0;
    std::uint64_t offset = 0;

    friend auto operator<=>(const place&, const place&) = default;
  };

  struct file_state {
    /// Asked for up to here.
    std::uint64_t asked = 0;
    std::uint64_t written = 0;
    unsigned attempts = 0;
    bool checking = false;
    bool done = false;
  };

  std::set<std::uint32_t> held_of(const snapshot_offer& offer) const;
  bool is_well_formed(const snapshot_offer& offer) const;
  snapshot_request request_for(const place& where) const;
  void ask(receiver_output& out);
  void check_if_whole(std::uint32_t file, receiver_output& out);
  void complete_if_all(receiver_output& out);
  void finish(errc result, receiver_output& out);

  const member_id self_;
  const receiver_limits limits_;
  std::optional<snapshot_offer> offer_;
  std::vector<file_state> files_;
  /// What is on disk, checked, of the present transfer or else of the last one that failed; all of
  /// one member, whose files of one name never differ.
  member_id held_from_;
  std::vector<snapshot_file> held_;
  /// The ticks since each was asked for.
  std::map<place, unsigned> in_flight_;
  unsigned silent_ticks_ = 0;
  /// The last transfer that came to an end here, and how: its offer may still be repeated.
  std::optional<std::pair<member_id, snapshot_end>> last_end_;
};

} // namespace troupe::snapshot
