#include "actors/apply/membership.hpp"

#include "messages/ensure.hpp"

#include <array>
#include <boost/endian/conversion.hpp>
#include <set>
#include <string>

namespace troupe::apply {

namespace {

constexpr std::string_view configuration_key = "configuration";

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
  store.put(storage::family::meta, configuration_key, bytes);
  std::set<std::string> gone;
  store.visit(storage::family::member, {}, std::nullopt,
              [&](std::string_view key, std::string_view) {
                gone.emplace(key);
                return true;
              });
  // Who leaves with the joint configuration is still one.
  for (const auto& member : configuration.outgoing())
    gone.erase(key_of(member.id()));
  for (auto& member : *configuration.mutable_members()) {
    auto key = key_of(member.id());
    gone.erase(key);
    if (auto published = stored_member(store, key)) {
      *member.mutable_client_urls() = published->client_urls();
      if (!published->name().empty())
        member.set_name(published->name());
    }
    store.put(storage::family::member, key, member.SerializeAsString());
  }
  for (const auto& key : gone)
    store.erase(storage::family::member, key);
}

configuration stored_configuration(const mvcc::store& store, cluster_id cluster) {
  std::string bytes;
  if (store.get(storage::family::meta, configuration_key, bytes)) {
    auto stored = decode_configuration(blob{std::move(bytes)});
    ensure(stored.has_value(), "a stored configuration is well formed");
    return *stored;
  }
  // Of a store in which only the members are recorded.
  configuration result{.cluster = cluster, .members = {}, .outgoing = {}, .removed = {}};
  store.visit(storage::family::member, {}, std::nullopt, [&](auto, std::string_view value) {
    record::MemberRecord member;
    ensure(member.ParseFromArray(value.data(), static_cast<int>(value.size())),
           "a stored member record is well formed");
    result.members[{member.id()}] = {
      .is_learner = member.is_learner(),
      .peer_urls = {member.peer_urls().begin(), member.peer_urls().end()},
      .name = member.name()};
    return true;
  });
  return result;
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
