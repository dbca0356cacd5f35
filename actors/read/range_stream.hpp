#pragma once

#include "messages/errc.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe::read {

/// The answer to one RangeStream, piece by piece over one pinned source. All messages merged are
/// what a Range would have answered: all carry keys, only the last one header, `more` and `count`.
class range_stream {
public:
  /// @pre check_stream(request) passed.
  /// @param source what the whole stream reads; held until the stream ends.
  /// @param target_bytes size that the messages are steered to; single ones may be larger.
  range_stream(std::shared_ptr<const mvcc::source> source,
               const etcdserverpb::RangeRequest& request, std::size_t target_bytes);

  /// Produces the next message into `response`, which is empty. @pre !done().
  /// @returns errc::compacted or errc::future_revision by the request's revision; after any failure
  /// the stream is done and `response` unspecified.
  errc next(etcdserverpb::RangeStreamResponse& response);

  /// True once the last message was produced.
  bool done() const {
    return source_ == nullptr;
  }

private:
  errc count_only(etcdserverpb::RangeResponse& response);
  errc next_page(etcdserverpb::RangeResponse& response);
  void adjust_page(std::size_t last_bytes);

  /// Empty once done.
  std::shared_ptr<const mvcc::source> source_;
  const std::size_t target_bytes_;
  const bool keys_only_;
  const bool count_only_;
  /// The revision that is read and the one that the header names.
  const std::int64_t at_;
  const std::int64_t header_revision_;
  /// What is left of the range and of the limit.
  mvcc::key_range rest_;
  std::int64_t limit_;
  std::int64_t sent_ = 0;
  /// Keys of the next message, unless the limit asks for fewer.
  std::int64_t page_ = 10;
};

} // namespace troupe::read
