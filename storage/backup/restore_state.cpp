#include "storage/backup/restore_state.hpp"

#include "messages/proto/record.pb.h"
#include "storage/mvcc/lease_key.hpp"
#include "storage/mvcc/record.hpp"
#include "storage/storage_error.hpp"

#include <limits>
#include <memory>

namespace troupe::backup {

namespace {

using storage::family;

class restorer {
public:
  restorer(backup_reader& from, storage::engine& to, const restore_rules& rules)
      : from_(from), about_(from.about()), to_(to), rules_(rules), batch_(to.make_batch()) {}

  restored_state run() {
    refuse_full_engine();
    const auto end = end_state();
    for (record one; from_.next(one);) {
      take(one);
      if (batch_->bytes() >= rules_.batch_bytes)
        write();
    }
    batch_->put(family::meta, mvcc::state_key, mvcc::encode_state(end));
    write();
    to_.flush();
    if (end.compacted > 0)
      to_.raise_floor(end.compacted);
    return {end.revision, end.compacted};
  }

private:
  void refuse_full_engine() const {
    std::string state;
    if (to_.latest().get(family::meta, mvcc::state_key, state))
      throw storage::storage_error{errc::data_foreign,
                                   "there is a state already; restore into an empty directory"};
  }

  /// What the state record will say; the log begins anew.
  mvcc::store_state end_state() const {
    const auto room = std::numeric_limits<std::int64_t>::max() - about_.revision;
    if (rules_.bump_revision < 0 || rules_.bump_revision >= room)
      throw storage::storage_error{errc::data_foreign, "revision " + std::to_string(about_.revision)
                                                         + " cannot be raised by that much"};
    mvcc::store_state end;
    end.revision = about_.revision + rules_.bump_revision;
    end.compacted = rules_.mark_compacted ? end.revision : about_.compacted;
    return end;
  }

  void take(const record& one) {
    switch (one.of) {
    case section::lease:
      return take_lease(one);
    case section::auth:
      return batch_->put(family::auth, one.key, one.value);
    case section::v2:
      return batch_->put(family::v2, one.key, one.value);
    case section::data:
      return take_version(one);
    case section::events:
      return take_event(one);
    case section::member:
    case section::meta:
    case section::end:
      return;
    }
  }

  void take_lease(const record& one) {
    if (mvcc::is_attachment(one.key))
      return batch_->put(family::lease, one.key, one.value);
    lease_.Clear();
    if (!lease_.ParseFromArray(one.value.data(), static_cast<int>(one.value.size())))
      refuse_damaged(from_.file(), "a lease of it is not readable");
    // It names an entry of the log that was; no lease of the new log is granted at 0.
    lease_.set_granted_at(0);
    batch_->put(family::lease, one.key, lease_.SerializeAsString());
  }

  void take_version(const record& one) {
    mvcc::key_head head;
    mvcc::decode_head(one.value, head);
    if (head.mod_revision <= 0 || head.mod_revision > about_.compacted)
      refuse_damaged(from_.file(), "a key of it was written later than its floor");
    batch_->put_version(one.key, head.mod_revision, one.value);
  }

  void take_event(const record& one) {
    const auto at = mvcc::decode_event_key(one.key).main;
    const auto event = mvcc::decode_event(one.value);
    if (at <= 0 || at < about_.compacted || at > about_.revision || event.key.empty())
      refuse_damaged(from_.file(), "a change of it is of no revision that it has");
    if (!rules_.mark_compacted)
      batch_->put(family::events, one.key, one.value);
    // Up to the floor, `data` came by itself; what was replaced is in the event alone.
    if (at <= about_.compacted || !event.replaced.empty())
      return;
    if (event.kind == mvcc::event_record::type::deletion)
      return batch_->erase_version(event.key, at);
    mvcc::key_head head;
    if (one.version.empty())
      refuse_damaged(from_.file(), "a change of it has no value");
    mvcc::decode_head(one.version, head);
    if (head.mod_revision != at)
      refuse_damaged(from_.file(), "a change of it has the value of another");
    batch_->put_version(event.key, at, one.version);
  }

  void write() {
    if (batch_->empty())
      return;
    to_.write(*batch_);
    batch_->clear();
  }

  backup_reader& from_;
  const description about_;
  storage::engine& to_;
  const restore_rules rules_;
  const std::unique_ptr<storage::write_batch> batch_;
  troupe::record::LeaseRecord lease_;
};

} // namespace

restored_state restore_state(backup_reader& from, storage::engine& to, const restore_rules& rules) {
  return restorer{from, to, rules}.run();
}

} // namespace troupe::backup
