#include "apps/troupectl/range_difference.hpp"

namespace troupe::ctl {

namespace {

/// One pair after the other from pages; a page may be empty.
class cursor {
public:
  explicit cursor(const page_source& pages) : pages_(pages) {
    load();
  }

  /// Null at the end.
  const mvccpb::KeyValue* here() const {
    return at_ < page_.kvs_size() ? &page_.kvs(at_) : nullptr;
  }

  void advance() {
    ++at_;
    load();
  }

private:
  void load() {
    while (at_ >= page_.kvs_size()) {
      at_ = 0;
      page_.Clear();
      if (!pages_(page_)) {
        page_.Clear();
        return;
      }
    }
  }

  const page_source& pages_;
  pb::RangeResponse page_;
  int at_ = 0;
};

/// Less than 0 if `one` comes first; the end comes last.
int compare(const mvccpb::KeyValue* one, const mvccpb::KeyValue* other) {
  if (one == nullptr || other == nullptr)
    return one == other ? 0 : one == nullptr ? 1 : -1;
  return one->key().compare(other->key());
}

bool same(const mvccpb::KeyValue& one, const mvccpb::KeyValue& other) {
  return one.mod_revision() == other.mod_revision()
         || (one.value() == other.value() && one.lease() == other.lease());
}

} // namespace

std::int64_t for_each_difference(const page_source& before, const page_source& after,
                                 const std::function<void(const key_difference&)>& found) {
  std::int64_t count = 0;
  cursor left(before), right(after);
  while (left.here() != nullptr || right.here() != nullptr) {
    auto order = compare(left.here(), right.here());
    key_difference one{order <= 0 ? left.here() : nullptr, order >= 0 ? right.here() : nullptr};
    if (order != 0 || !same(*one.before, *one.after)) {
      found(one);
      ++count;
    }
    if (order <= 0)
      left.advance();
    if (order >= 0)
      right.advance();
  }
  return count;
}

} // namespace troupe::ctl
