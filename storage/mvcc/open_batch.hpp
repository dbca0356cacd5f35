#pragma once

#include "storage/engine.hpp"
#include "storage/mvcc/committed.hpp"
#include "storage/mvcc/count_index.hpp"
#include "storage/mvcc/head_cache.hpp"
#include "storage/mvcc/overlay.hpp"
#include "storage/mvcc/record.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::mvcc {

/// Everything written since the last commit, laid over what the engine holds; the applier's own. It
/// also keeps the attachments of leases: each change of a key moves the key from the lease it had
/// to the one it gets.
class open_batch {
public:
  open_batch(storage::engine& engine, const committed& below, store_state opened,
             std::size_t head_cache_bytes);

  /// With what the batch did so far; `applied` is of the last commit.
  const store_state& state() const {
    return state_;
  }

  /// The newest revision that the engine holds.
  std::int64_t committed_revision() const {
    return committed_revision_;
  }

  // Reads as `source` describes them, at most at state().revision.
  errc get(std::string_view key, std::int64_t at, std::optional<key_value>& found) const;
  errc visit(const key_range& range, std::int64_t at,
             const std::function<bool(const key_value_view&)>& show) const;
  errc count(const key_range& range, std::int64_t at, std::int64_t& keys) const;

  /// Starts a new main revision. @returns it.
  std::int64_t next_revision();

  /// Changes at the newest main revision; `sub` ascends within it.
  void put(std::string_view key, std::string_view value, lease_id lease, std::int64_t sub);

  /// @pre exists(key).
  void erase(std::string_view key, std::int64_t sub);

  /// Whether the key exists now.
  bool exists(std::string_view key) {
    return head(key).is == head_cache::known::present;
  }

  void compact(std::int64_t at);

  void put(storage::family where, std::string_view key, std::string_view value);
  void erase(storage::family where, std::string_view key);
  bool get(storage::family where, std::string_view key, std::string& value) const;
  void visit(storage::family where, std::string_view begin, std::optional<std::string_view> end,
             const storage::read_view::shower& show) const;

  /// As `storage::read_view::walk`, with all that is written meanwhile. Ends before the next
  /// commit.
  std::unique_ptr<storage::read_view::walker> walk(storage::family where) const;

  struct written {
    std::vector<event> events;
    std::vector<count_index::change> changes;
  };

  /// Writes the batch to the engine and starts the next.
  written commit(entry_id applied);

private:
  class walker;
  using plain_overlay = std::map<std::string, std::optional<std::string>, std::less<>>;

  /// Shows [begin, end) of what `visit_below` visits, with the changes of the batch laid over it.
  template <class VisitBelow>
  static void visit_over(const plain_overlay& changes, std::string_view begin,
                         std::optional<std::string_view> end,
                         const storage::read_view::shower& show, const VisitBelow& visit_below);
  head_cache::slot& head(std::string_view key);
  void add(event e, bool existed);
  void move_attachment(std::string_view key, lease_id from, lease_id to);
  void keep_replaced(const event& earlier);

  storage::engine& engine_;
  const committed& below_;
  store_state state_;
  std::int64_t committed_revision_;
  head_cache heads_;
  overlay overlay_;
  std::array<plain_overlay, storage::family_count> plain_;
  std::vector<count_index::change> changes_;
  std::unique_ptr<storage::write_batch> batch_;
  /// Reused for every record.
  std::string record_;
};

} // namespace troupe::mvcc
