#include "storage/mvcc/count_index.hpp"

#include "messages/ensure.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::mvcc {

namespace {

constexpr std::size_t changes_per_block = 512;
constexpr std::size_t changes_per_lock = 64;
constexpr std::size_t max_buckets_per_chunk = 256;
constexpr std::size_t merges_per_lock = 16;
constexpr std::size_t max_boundary_bytes = 1024;
constexpr std::size_t max_hints = 1024;

std::size_t cost(const count_index::change& c) {
  return sizeof c + c.key.size();
}

/// The shortest string s with before < s <= key.
std::string_view boundary_between(std::string_view before, std::string_view key) {
  const auto shared = static_cast<std::size_t>(
    std::mismatch(before.begin(), before.end(), key.begin(), key.end()).second - key.begin());
  return key.substr(0, shared + 1);
}

} // namespace

void count_index::chunk::sum_up() {
  keys = 0;
  unknown = 0;
  for (const auto& b : buckets) {
    keys += b.known ? b.keys : 0;
    unknown += b.known ? 0 : 1;
  }
}

count_index::count_index(count_limits limits, std::int64_t revision, bool no_keys)
    : limits_(limits), unknown_(no_keys ? 0 : 1), horizon_(revision) {
  chunk only;
  only.buckets.push_back({std::string{}, 0, no_keys});
  only.sum_up();
  chunks_.push_back(std::move(only));
}

void count_index::add(std::vector<change> list) {
  for (std::size_t i = 0; i < list.size();) {
    const std::lock_guard lock{mutex_};
    for (const auto end = std::min(list.size(), i + changes_per_lock); i < end; ++i) {
      apply(list[i]);
      remember(list[i]);
    }
  }
}

void count_index::apply(change& c) {
  const auto p = find(c.key);
  auto& b = chunks_[p.chunk].buckets[p.bucket];
  if (!b.known)
    return;
  b.keys += c.by;
  chunks_[p.chunk].keys += c.by;
  keys_ += c.by;
  ensure(b.keys >= 0, "a bucket loses only keys that it has");
  const auto large = static_cast<std::int64_t>(2 * target());
  if (c.by > 0 && b.keys % large == 0 && large_.size() < max_hints)
    large_.push_back(c.key);
  if (c.by < 0 && (b.keys == 0 || b.keys == large / 16) && sparse_.size() < max_hints)
    sparse_.push_back(c.key);
}

void count_index::remember(change& c) {
  recent_bytes_ += cost(c);
  newest_.push_back(std::move(c));
  if (newest_.size() >= changes_per_block)
    recent_.push_back(std::make_shared<const changes>(std::exchange(newest_, {})));
  while (recent_bytes_ > limits_.recent_bytes && !recent_.empty()) {
    for (const auto& old : *recent_.front())
      recent_bytes_ -= cost(old);
    horizon_ = recent_.front()->back().at;
    recent_.pop_front();
  }
}

std::size_t count_index::target() const {
  return std::max(limits_.bucket_keys, static_cast<std::size_t>(keys_)
                                         / std::max<std::size_t>(1, limits_.max_buckets / 2));
}

/// The bucket whose part of the key space has the key.
count_index::position count_index::find(std::string_view key) const {
  const auto chunk_after = std::upper_bound(
    chunks_.begin() + 1, chunks_.end(), key,
    [](std::string_view k, const chunk& c) { return k < c.buckets.front().begin; });
  const auto& in = std::prev(chunk_after)->buckets;
  const auto after = std::upper_bound(
    in.begin() + 1, in.end(), key, [](std::string_view k, const bucket& b) { return k < b.begin; });
  return {static_cast<std::size_t>(std::prev(chunk_after) - chunks_.begin()),
          static_cast<std::size_t>(std::prev(after) - in.begin())};
}

/// Where the bucket ends; null: nowhere.
const std::string* count_index::begin_after(position p) const {
  const auto& in = chunks_[p.chunk].buckets;
  if (p.bucket + 1 < in.size())
    return &in[p.bucket + 1].begin;
  return p.chunk + 1 < chunks_.size() ? &chunks_[p.chunk + 1].buckets.front().begin : nullptr;
}

std::optional<count_index::part> count_index::count(const key_range& range, std::int64_t at) const {
  part inner{0, {}, std::nullopt};
  std::vector<std::shared_ptr<const changes>> later;
  {
    const std::lock_guard lock{mutex_};
    if (at < horizon_)
      return std::nullopt;
    auto p = find(range.begin);
    const auto step = [&] {
      if (++p.bucket == chunks_[p.chunk].buckets.size())
        p = {p.chunk + 1, 0};
    };
    if (chunks_[p.chunk].buckets[p.bucket].begin < range.begin)
      step();
    if (p.chunk == chunks_.size())
      return std::nullopt;
    inner.begin = chunks_[p.chunk].buckets[p.bucket].begin;
    const auto last = range.end ? find(*range.end) : position{chunks_.size(), 0};
    const auto before_last = [&] {
      return p.chunk < last.chunk || (p.chunk == last.chunk && p.bucket < last.bucket);
    };
    bool any = false;
    while (before_last()) {
      const auto& c = chunks_[p.chunk];
      if (p.bucket == 0 && p.chunk < last.chunk && c.unknown == 0) {
        inner.keys += c.keys;
        ++p.chunk;
      } else if (c.buckets[p.bucket].known) {
        inner.keys += c.buckets[p.bucket].keys;
        step();
      } else {
        break;
      }
      any = true;
    }
    if (!any)
      return std::nullopt;
    if (p.chunk < chunks_.size())
      inner.end = chunks_[p.chunk].buckets[p.bucket].begin;
    later = changes_since(at);
  }
  const key_range counted{inner.begin, inner.end};
  for (const auto& block : later)
    for (const auto& c : *block)
      if (c.at > at && counted.contains(c.key))
        inner.keys -= c.by;
  return inner;
}

/// Blocks that together have every change after `at`, at or above the horizon.
std::vector<std::shared_ptr<const count_index::changes>>
count_index::changes_since(std::int64_t at) const {
  std::vector<std::shared_ptr<const changes>> found;
  if (!newest_.empty() && newest_.back().at > at)
    found.push_back(std::make_shared<const changes>(newest_));
  for (auto block = recent_.rbegin(); block != recent_.rend() && (*block)->back().at > at; ++block)
    found.push_back(*block);
  return found;
}

bool count_index::refine(std::int64_t at, std::size_t max_keys, const key_reader& read) {
  std::optional<key_range> range;
  std::size_t keys_per_bucket = 0;
  {
    const std::lock_guard lock{mutex_};
    range = next_to_refine();
    keys_per_bucket = target();
  }
  if (!range)
    return false;
  auto found = read_buckets(*range, keys_per_bucket, std::max(max_keys, 2 * keys_per_bucket), read);
  if (!found || !replace(*range, at, std::move(*found))) {
    const std::lock_guard lock{mutex_};
    large_.push_back(range->begin);
  }
  return true;
}

std::optional<key_range> count_index::next_to_refine() {
  const auto range_of = [&](position p) {
    const auto* end = begin_after(p);
    return key_range{chunks_[p.chunk].buckets[p.bucket].begin,
                     end ? std::optional{*end} : std::nullopt};
  };
  for (std::size_t merges = 0; merges < merges_per_lock && !sparse_.empty(); ++merges) {
    merge_chunk(find(sparse_.front()).chunk);
    sparse_.pop_front();
  }
  if (buckets_ > limits_.max_buckets)
    merge_chunk(next_merge_++ % chunks_.size());
  if (unknown_ > 0)
    for (std::size_t c = 0; c < chunks_.size(); ++c)
      for (std::size_t b = 0; chunks_[c].unknown > 0 && b < chunks_[c].buckets.size(); ++b)
        if (!chunks_[c].buckets[b].known)
          return range_of({c, b});
  while (!large_.empty()) {
    const auto p = find(large_.front());
    large_.pop_front();
    if (chunks_[p.chunk].buckets[p.bucket].keys >= static_cast<std::int64_t>(2 * target()))
      return range_of(p);
  }
  return std::nullopt;
}

/// Joins neighbouring buckets of a chunk that together are not large; before that a short chunk
/// with the next one.
void count_index::merge_chunk(std::size_t at) {
  if (at + 1 < chunks_.size()
      && chunks_[at].buckets.size() + chunks_[at + 1].buckets.size() <= max_buckets_per_chunk / 2) {
    auto& from = chunks_[at + 1].buckets;
    chunks_[at].buckets.insert(chunks_[at].buckets.end(), std::make_move_iterator(from.begin()),
                               std::make_move_iterator(from.end()));
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  auto& in = chunks_[at].buckets;
  auto last = in.begin();
  for (auto b = last + 1; b != in.end(); ++b) {
    if (last->known && b->known && last->keys + b->keys <= static_cast<std::int64_t>(target()))
      last->keys += b->keys;
    else if (++last != b)
      *last = std::move(*b);
  }
  buckets_ -= static_cast<std::size_t>(in.end() - (last + 1));
  in.erase(last + 1, in.end());
  chunks_[at].sum_up();
}

std::optional<count_index::reading> count_index::read_buckets(const key_range& range,
                                                              std::size_t target,
                                                              std::size_t max_keys,
                                                              const key_reader& read) {
  reading found{{{range.begin, 0, true}}, range.end};
  std::string before;
  std::size_t keys = 0;
  const auto result = read(range, [&](std::string_view key) {
    auto& last = found.buckets.back();
    if (last.keys >= static_cast<std::int64_t>(target)) {
      const auto boundary = boundary_between(before, key);
      if (boundary.size() <= max_boundary_bytes) {
        if (keys >= max_keys) {
          found.end = std::string{boundary};
          return false;
        }
        found.buckets.push_back({std::string{boundary}, 0, true});
      }
    }
    ++found.buckets.back().keys;
    ++keys;
    before.assign(key);
    return true;
  });
  return result == errc::none ? std::optional{std::move(found)} : std::nullopt;
}

/// Puts what was read at `at` in the place of the bucket `old`, brought up to date.
/// @returns false if the changes since `at` are no longer known.
bool count_index::replace(const key_range& old, std::int64_t at, reading found) {
  const std::lock_guard lock{mutex_};
  if (at < horizon_)
    return false;
  const key_range covered{old.begin, found.end};
  std::int64_t sum = 0;
  for (const auto& block : changes_since(at))
    for (const auto& c : *block)
      if (c.at > at && covered.contains(c.key)) {
        auto b = std::upper_bound(found.buckets.begin() + 1, found.buckets.end(), c.key,
                                  [](std::string_view k, const bucket& x) { return k < x.begin; });
        std::prev(b)->keys += c.by;
      }
  for (const auto& b : found.buckets)
    sum += b.keys;
  const auto p = find(old.begin);
  auto& in = chunks_[p.chunk];
  const auto was = in.buckets[p.bucket];
  ensure(was.begin == old.begin, "only refine changes the buckets' bounds");
  if (found.end != old.end) {
    const auto rest = was.known ? was.keys - sum : 0;
    found.buckets.push_back({*found.end, rest, was.known});
    if (was.known && rest >= static_cast<std::int64_t>(2 * target()))
      large_.push_back(*found.end);
  } else {
    ensure(!was.known || was.keys == sum, "a bucket has as many keys as were counted");
    unknown_ -= was.known ? 0 : 1;
  }
  keys_ += was.known ? 0 : sum;
  buckets_ += found.buckets.size() - 1;
  const auto place = in.buckets.erase(in.buckets.begin() + static_cast<std::ptrdiff_t>(p.bucket));
  in.buckets.insert(place, std::make_move_iterator(found.buckets.begin()),
                    std::make_move_iterator(found.buckets.end()));
  while (chunks_[p.chunk].buckets.size() > max_buckets_per_chunk) {
    auto& full = chunks_[p.chunk].buckets;
    const auto cut = full.end() - static_cast<std::ptrdiff_t>(full.size() / 2);
    chunk half;
    half.buckets.assign(std::make_move_iterator(cut), std::make_move_iterator(full.end()));
    full.erase(cut, full.end());
    half.sum_up();
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(p.chunk) + 1, std::move(half));
  }
  chunks_[p.chunk].sum_up();
  return true;
}

std::size_t count_index::buckets() const {
  const std::lock_guard lock{mutex_};
  return buckets_;
}

} // namespace troupe::mvcc
