#pragma once

#include "messages/errc.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/source.hpp"

#include <cstdint>

namespace troupe::read {

using key_value_list = google::protobuf::RepeatedPtrField<mvccpb::KeyValue>;

/// Answers a range over one source: keys, `more`, `count`, and of the header the revision, which is
/// the source's newest one also if the request asks for an older one. Costs as many keys as the
/// answer holds plus one, if the request neither sorts nor filters.
/// @pre check(request) passed; `response` is empty.
/// @returns errc::compacted or errc::future_revision by the request's revision, where 0 and below
/// mean the newest. On failure `response` is unspecified.
errc evaluate(const mvcc::source& source, const etcdserverpb::RangeRequest& request,
              etcdserverpb::RangeResponse& response);

/// Appends the first `limit` keys of `range` at revision `at`. @pre limit > 0.
/// @param more set if the range holds a further key.
errc append_page(const mvcc::source& source, const mvcc::key_range& range, std::int64_t at,
                 std::int64_t limit, bool keys_only, key_value_list& kvs, bool& more);

} // namespace troupe::read
