#include "actors/watch/range_tree.hpp"

#include "messages/ensure.hpp"

#include <utility>

namespace troupe::watch {

namespace {

bool ends_before(const std::string& a, const std::string& b) {
  return !a.empty() && (b.empty() || a < b);
}

/// Scatters consecutive numbers (splitmix64).
std::uint32_t scatter(std::uint64_t number) {
  auto x = number * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(x >> 32);
}

} // namespace

bool range_tree::less(const node& a, const node& b) {
  const auto order = a.begin.compare(b.begin);
  return order != 0 ? order < 0 : ends_before(a.end, b.end);
}

void range_tree::update(node& of) {
  of.max_end = &of.end;
  for (const auto* child : {of.left.get(), of.right.get()})
    if (child && ends_before(*of.max_end, *child->max_end))
      of.max_end = child->max_end;
}

range_tree::node* range_tree::find_or_add(const mvcc::key_range& range, std::uint32_t value) {
  auto fresh = std::make_unique<node>();
  if (range.empty()) {
    // All empty ranges are one.
    fresh->begin = fresh->end = std::string(1, '\0');
  } else {
    fresh->begin = range.begin;
    fresh->end = range.end.value_or(std::string{});
  }
  for (auto* at = root_.get(); at;) {
    if (less(*fresh, *at))
      at = at->left.get();
    else if (less(*at, *fresh))
      at = at->right.get();
    else
      return at;
  }
  fresh->value = value;
  fresh->priority = scatter(++made_);
  auto* result = fresh.get();
  insert(root_, std::move(fresh));
  return result;
}

void range_tree::insert(link& at, link fresh) {
  if (at && fresh->priority <= at->priority) {
    auto& child = less(*fresh, *at) ? at->left : at->right;
    insert(child, std::move(fresh));
  } else {
    split(std::move(at), *fresh, fresh->left, fresh->right);
    at = std::move(fresh);
  }
  update(*at);
}

void range_tree::split(link from, const node& by, link& below, link& above) {
  if (!from)
    return;
  if (less(*from, by)) {
    split(std::move(from->right), by, from->right, above);
    below = std::move(from);
    update(*below);
  } else {
    split(std::move(from->left), by, below, from->left);
    above = std::move(from);
    update(*above);
  }
}

range_tree::link range_tree::merge(link below, link above) {
  if (!below || !above)
    return below ? std::move(below) : std::move(above);
  if (below->priority > above->priority) {
    below->right = merge(std::move(below->right), std::move(above));
    update(*below);
    return below;
  }
  above->left = merge(std::move(below), std::move(above->left));
  update(*above);
  return above;
}

void range_tree::erase(const node* gone) {
  erase(root_, *gone);
}

void range_tree::erase(link& at, const node& gone) {
  ensure(at != nullptr, "the range is in the tree");
  if (at.get() == &gone) {
    at = merge(std::move(at->left), std::move(at->right));
    return;
  }
  erase(less(gone, *at) ? at->left : at->right, gone);
  update(*at);
}

} // namespace troupe::watch
