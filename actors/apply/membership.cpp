#include "actors/apply/membership.hpp"

#include "messages/ensure.hpp"

#include <array>
#include <boost/endian/conversion.hpp>
#include <set>
#include <string>

namespace troupe::apply {

namespace {

/// Big-endian, so that members come in the order of their ids.
std::string key_of(std::uint64_t member) {
  std::string key(8, '\0');
  boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(key.data()), member);
  return key;
}

std::optional<record::MemberRecord> stored_member(const mvcc::store& store,
                                                  const std::string& key) {
  std::string bytes;
  if (!store.get(storage::family::member, key, bytes))
    return std::nullopt;
  record::MemberRecord member;
  ensure(member.ParseFromString(bytes), "a stored member record is well formed");
  return member;
}

} // namespace

void apply_configuration(mvcc::store& store, const entry& what) {
  record::InitialMembership configuration;
  auto bytes = what.payload.view();
  ensure(configuration.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())),
         "a configuration entry is well formed");
  std::set<std::string> gone;
  store.visit(storage::family::member, {}, std::nullopt,
              [&](std::string_view key, std::string_view) {
                gone.emplace(key);
                return true;
              });
  for (auto& member : *configuration.mutable_members()) {
    auto key = key_of(member.id());
    gone.erase(key);
    if (auto published = stored_member(store, key))
      *member.mutable_client_urls() = published->client_urls();
    store.put(storage::family::member, key, member.SerializeAsString());
  }
  for (const auto& key : gone)
    store.erase(storage::family::member, key);
}

void apply_publication(mvcc::store& store, const record::PublishMember& published) {
  auto key = key_of(published.member_id());
  auto member = stored_member(store, key);
  if (!member)
    return;
  member->set_name(published.name());
  *member->mutable_client_urls() = published.client_urls();
  store.put(storage::family::member, key, member->SerializeAsString());
}

} // namespace troupe::apply
