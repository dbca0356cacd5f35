#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace troupe {

/// A number that only compares with its own kind, so that a term never passes for an index.
template <class Tag, class Rep = std::uint64_t>
struct strong_number {
  Rep value = 0;

  friend constexpr auto operator<=>(const strong_number&, const strong_number&) = default;
};

/// A strong number that is counted: successor, and distance between two of them.
template <class Tag, class Rep = std::uint64_t>
struct strong_ordinal {
  Rep value = 0;

  friend constexpr auto operator<=>(const strong_ordinal&, const strong_ordinal&) = default;

  friend constexpr strong_ordinal operator+(strong_ordinal x, Rep n) {
    return {static_cast<Rep>(x.value + n)};
  }

  friend constexpr strong_ordinal operator-(strong_ordinal x, Rep n) {
    return {static_cast<Rep>(x.value - n)};
  }

  /// Distance; the caller knows that `b` does not come after `a`.
  friend constexpr Rep operator-(strong_ordinal a, strong_ordinal b) {
    return static_cast<Rep>(a.value - b.value);
  }
};

template <class Inspector, class Tag, class Rep>
typename Inspector::result_type inspect(Inspector& f, strong_number<Tag, Rep>& x) {
  return f(x.value);
}

template <class Inspector, class Tag, class Rep>
typename Inspector::result_type inspect(Inspector& f, strong_ordinal<Tag, Rep>& x) {
  return f(x.value);
}

/// Raft term; 0 before the first election.
using term_t = strong_ordinal<struct term_tag>;

/// Position in the Raft log; the first entry has 1, 0 means "before the first".
using log_index = strong_ordinal<struct log_index_tag>;

/// A process of the cluster; 0 means "none".
using member_id = strong_number<struct member_id_tag>;

/// A cluster; never 0.
using cluster_id = strong_number<struct cluster_id_tag>;

/// How often this member has started on its data directory; the first start has 1.
using boot_count = strong_ordinal<struct boot_count_tag>;

/// A lease as clients name it: any non-zero signed number, 0 means "none".
using lease_id = strong_number<struct lease_id_tag, std::int64_t>;

/// Names one entry of one history: two logs that hold the same pair are equal up to it (paper 5.3).
struct entry_id {
  term_t term;
  log_index index;

  friend constexpr auto operator<=>(const entry_id&, const entry_id&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry_id& x) {
  return f(x.term, x.index);
}

/// Address of one change: the store revision of its transaction, and its place inside it.
/// Clients only ever see `main`.
struct revision {
  std::int64_t main = 0;
  std::int64_t sub = 0;

  friend constexpr auto operator<=>(const revision&, const revision&) = default;
};

} // namespace troupe

template <class Tag, class Rep>
struct std::hash<troupe::strong_number<Tag, Rep>> {
  std::size_t operator()(const troupe::strong_number<Tag, Rep>& x) const noexcept {
    return std::hash<Rep>{}(x.value);
  }
};

template <class Tag, class Rep>
struct std::hash<troupe::strong_ordinal<Tag, Rep>> {
  std::size_t operator()(const troupe::strong_ordinal<Tag, Rep>& x) const noexcept {
    return std::hash<Rep>{}(x.value);
  }
};
