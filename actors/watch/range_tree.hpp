#pragma once

#include "storage/mvcc/key_range.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::watch {

/// Ranges of keys, each with a number; finds those that hold a key in O(log n) and for each of them
/// at most O(log n) more. A treap in the order of (begin, end), whose nodes also know the largest
/// end below them; its shape depends on nothing but the calls.
class range_tree {
public:
  struct node {
    std::string begin;
    /// Empty: there is none, the range holds every key from `begin` on.
    std::string end;
    std::uint32_t value = 0;

  private:
    friend class range_tree;

    std::uint32_t priority = 0;
    std::unique_ptr<node> left;
    std::unique_ptr<node> right;
    /// The largest `end` of this subtree, in the node that has it.
    const std::string* max_end = nullptr;
  };

  /// The node of this range, made with `value` if there is none; it stays where it is until it is
  /// erased.
  node* find_or_add(const mvcc::key_range& range, std::uint32_t value);

  /// @pre find_or_add() has returned it, and it was not erased since.
  void erase(const node* gone);

  /// Shows the value of every range that holds the key, in the order of (begin, end).
  template <class Show>
  void stab(std::string_view key, const Show& show) const {
    stab(root_.get(), key, show);
  }

private:
  using link = std::unique_ptr<node>;

  static bool is_above(const std::string& end, std::string_view key) {
    return end.empty() || key < end;
  }

  template <class Show>
  static void stab(const node* at, std::string_view key, const Show& show) {
    if (!at || !is_above(*at->max_end, key))
      return;
    stab(at->left.get(), key, show);
    if (key < at->begin)
      return;
    if (is_above(at->end, key))
      show(at->value);
    stab(at->right.get(), key, show);
  }

  static bool less(const node& a, const node& b);
  static void update(node& of);
  static void insert(link& at, link fresh);
  static void split(link from, const node& by, link& below, link& above);
  static link merge(link below, link above);
  static void erase(link& at, const node& gone);

  link root_;
  std::uint64_t made_ = 0;
};

} // namespace troupe::watch
