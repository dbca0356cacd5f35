#include "storage/mvcc/digest.hpp"

#include "messages/ensure.hpp"
#include "storage/mvcc/record.hpp"

#include <array>
#include <boost/endian/conversion.hpp>
#include <xxhash.h>

namespace troupe::mvcc {

namespace {

static_assert(static_cast<std::size_t>(storage::family::data) == 0, "a walk begins with the keys");

std::uint64_t hash_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

template <class... Numbers>
std::uint64_t hash_of_numbers(Numbers... numbers) {
  const std::array<std::uint64_t, sizeof...(numbers)> all{
    boost::endian::native_to_little(static_cast<std::uint64_t>(numbers))...};
  return XXH3_64bits(all.data(), sizeof all);
}

// What a link of the chain is about, beside the families.
constexpr std::uint64_t erased = 1 << 8;
constexpr std::uint64_t floor_raised = 1 << 9;

/// The least key behind this one.
std::string after(std::string_view key) {
  std::string next{key};
  next += '\0';
  return next;
}

} // namespace

std::uint64_t hash_of(const key_value_view& kv) {
  return hash_of_numbers(hash_of(kv.key), hash_of(kv.value), kv.create_revision, kv.mod_revision,
                         kv.version, kv.lease.value);
}

void state_digest::put(storage::family where, std::string_view key, std::string_view value) {
  records = hash_of_numbers(records, where, hash_of(key), hash_of(value));
}

void state_digest::erase(storage::family where, std::string_view key) {
  records = hash_of_numbers(records, erased | static_cast<std::uint64_t>(where), hash_of(key));
}

void state_digest::compact(std::int64_t floor) {
  records = hash_of_numbers(records, floor_raised, floor);
}

std::uint32_t short_hash(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash_of_numbers(hash));
}

digest_walk::digest_walk(const storage::read_view& view, std::int64_t at, scope what)
    : view_(view), at_(at), what_(what) {}

void digest_walk::step(std::size_t max_records) {
  ensure(!done(), "a walk that has ended is not gone on with");
  if (family_ == static_cast<std::size_t>(storage::family::data))
    step_keys(max_records);
  else
    step_records(max_records);
}

void digest_walk::step_keys(std::size_t max_records) {
  std::size_t seen = 0;
  key_head head;
  const auto result = view_.visit_versions(
    next_, std::nullopt, at_, [&](std::string_view key, std::string_view record) {
      const auto skip = decode_head(record, head);
      keys_ += hash_of({key, record.substr(skip), head.create_revision, head.mod_revision,
                        head.version, head.lease});
      if (++seen < max_records)
        return true;
      next_ = after(key);
      return false;
    });
  ensure(result != storage::read_view::found::below_floor, "the revision stays readable");
  if (seen < max_records)
    end_family();
}

void digest_walk::step_records(std::size_t max_records) {
  std::size_t seen = 0;
  const auto where = static_cast<storage::family>(family_);
  view_.visit(where, next_, std::nullopt, [&](std::string_view key, std::string_view value) {
    records_ = hash_of_numbers(records_, where, hash_of(key), hash_of(value));
    if (++seen < max_records)
      return true;
    next_ = after(key);
    return false;
  });
  if (seen < max_records)
    end_family();
}

void digest_walk::end_family() {
  next_.clear();
  family_ = what_ == scope::keys ? storage::family_count : family_ + 1;
}

} // namespace troupe::mvcc
