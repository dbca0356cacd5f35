#pragma once

#include "actors/sim/kv_model.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::sim {

/// Answers saw a key so, written at `value.mod_revision`; up to the revision `last` it stayed so.
struct sighting {
  held_value value;
  std::int64_t last = 0;
  /// Who saw it at `last`.
  const operation* by = nullptr;

  std::int64_t first() const {
    return value.mod_revision;
  }
};

/// What all answers of a history together say about each key, known before any order is. It tells
/// early which operation cannot have made a revision.
class sightings {
public:
  /// Both live longer. Answers must be sound one by one.
  sightings(const key_universe& keys, const std::vector<operation>& history);

  /// Two answers that exclude each other in any order, if there are.
  const std::optional<std::string>& contradiction() const {
    return contradiction_;
  }

  /// Those that were written at `revision`, with the key of each.
  std::vector<std::pair<key_index, const sighting*>> written_at(std::int64_t revision) const;
  /// Keys that came into being at `revision`, as later answers say.
  std::vector<key_index> created_at(std::int64_t revision) const;

  /// True if an answer shows `key` as it was written at `revision`.
  bool shows(key_index key, std::int64_t revision) const {
    return seen_[key].contains(revision);
  }

  /// True if answers exclude that the key was touched at `revision`.
  bool excludes(key_index key, std::int64_t revision) const;

  /// True if answers say that `key` was there all the time around `revision`: not deleted then.
  bool alive(key_index key, std::int64_t revision) const;

  /// True if answers account for every put of `key` around `revision`: no other one can be there.
  bool all_puts_known(key_index key, std::int64_t revision) const;

  /// The first one of `key` written after `revision`; null if there is none.
  const sighting* next(key_index key, std::int64_t revision) const;

  /// The newest revision below `revision` at which the state of `key` is known from answers alone;
  /// 1, where all is empty, at least.
  std::int64_t known_below(key_index key, std::int64_t revision) const;

  /// Answered puts of `key` at revisions in (after, upto].
  std::int64_t answered_puts(key_index key, std::int64_t after, std::int64_t upto) const;

private:
  void see(const operation& by, std::int64_t at, const mvcc::key_value& kv);
  void see_nothing(key_index key, std::int64_t at);
  void read_compares(const operation& by, std::int64_t at);
  void read(const operation& by);
  void read_answer(const operation& by, const kv_answer& answer, std::int64_t at);
  void read_absence(const kv_request& request, const kv_answer& answer, std::int64_t at);
  void contradict(const sighting& a, const sighting& b, key_index key);
  void sort();

  const key_universe& keys_;
  /// Per key: by mod revision.
  std::vector<std::map<std::int64_t, sighting>> seen_;
  /// Per key: by mod revision, up to which revision a condition found it unchanged.
  std::vector<std::map<std::int64_t, std::int64_t>> compared_;
  std::vector<std::vector<std::int64_t>> absent_;
  std::vector<std::vector<std::int64_t>> puts_;
  std::multimap<std::int64_t, key_index> written_;
  std::multimap<std::int64_t, key_index> created_;
  std::optional<std::string> contradiction_;
};

} // namespace troupe::sim
