#include "actors/apply/alarms.hpp"

#include "messages/ensure.hpp"

#include <boost/endian/conversion.hpp>
#include <string>

namespace troupe::apply {

namespace {

using storage::family;

constexpr std::string_view first_key = "alarm/";
/// Behind all of them.
constexpr std::string_view end_key = "alarm0";

std::string stored_key(std::int32_t type, std::uint64_t member) {
  unsigned char numbers[12];
  boost::endian::store_big_u32(numbers, static_cast<std::uint32_t>(type));
  boost::endian::store_big_u64(numbers + 4, member);
  std::string key{first_key};
  key.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
  return key;
}

record::AlarmRecord decode(std::string_view bytes) {
  record::AlarmRecord alarm;
  ensure(alarm.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())),
         "a stored alarm record is well formed");
  return alarm;
}

void name(etcdserverpb::AlarmResponse& in, const etcdserverpb::AlarmRequest& request) {
  auto& alarm = *in.add_alarms();
  alarm.set_memberid(request.memberid());
  alarm.set_alarm(request.alarm());
}

} // namespace

alarm_table::alarm_table(mvcc::store& store) : store_(store) {
  store.visit(family::meta, first_key, end_key, [&](std::string_view, std::string_view bytes) {
    auto alarm = decode(bytes);
    by_quota_[{alarm.alarm(), alarm.member_id()}] = alarm.by_quota();
    return true;
  });
}

void alarm_table::apply(const etcdserverpb::AlarmRequest& request,
                        etcdserverpb::AlarmResponse& response) {
  const key which{request.alarm(), request.memberid()};
  if (request.alarm() == etcdserverpb::NONE)
    return;
  const bool known = by_quota_.contains(which);
  if (request.action() == etcdserverpb::AlarmRequest::ACTIVATE) {
    if (!known)
      raise(which, false);
    name(response, request);
  } else if (request.action() == etcdserverpb::AlarmRequest::DEACTIVATE && known) {
    take_back(which);
    name(response, request);
  }
}

void alarm_table::apply(const record::QuotaAlarm& quota) {
  const key which{etcdserverpb::NOSPACE, quota.member_id()};
  const auto found = by_quota_.find(which);
  if (quota.full() && found == by_quota_.end())
    raise(which, true);
  else if (!quota.full() && found != by_quota_.end() && found->second)
    take_back(which);
}

void alarm_table::raise(key which, bool by_quota) {
  by_quota_[which] = by_quota;
  record::AlarmRecord alarm;
  alarm.set_member_id(which.second);
  alarm.set_alarm(static_cast<etcdserverpb::AlarmType>(which.first));
  alarm.set_by_quota(by_quota);
  store_.put(family::meta, stored_key(which.first, which.second), alarm.SerializeAsString());
}

void alarm_table::take_back(key which) {
  by_quota_.erase(which);
  store_.erase(family::meta, stored_key(which.first, which.second));
}

raised_alarms alarm_table::raised() const {
  raised_alarms result;
  for (const auto& [which, by_quota] : by_quota_) {
    if (which.first == etcdserverpb::NOSPACE)
      result.no_space = true;
    else if (which.first == etcdserverpb::CORRUPT)
      result.corrupt = true;
    else
      result.other = true;
  }
  return result;
}

alarm_table::space_alarm alarm_table::space_alarm_of(member_id member) const {
  const auto found = by_quota_.find({etcdserverpb::NOSPACE, member.value});
  if (found == by_quota_.end())
    return space_alarm::none;
  return found->second ? space_alarm::by_quota : space_alarm::by_client;
}

std::vector<record::AlarmRecord> stored_alarms(const storage::read_view& view) {
  std::vector<record::AlarmRecord> all;
  view.visit(family::meta, first_key, end_key, [&](std::string_view, std::string_view bytes) {
    all.push_back(decode(bytes));
    return true;
  });
  return all;
}

} // namespace troupe::apply
