#pragma once

#include "apps/troupectl/client.hpp"

#include <functional>

/// Reading what does not fit into one answer.
namespace troupe::ctl {

/// Gives the next page; false behind the last one.
using page_source = std::function<bool(pb::RangeResponse&)>;

struct paged_range {
  std::string key;
  std::string end;           // as in a Range: empty for `key` alone, a 0 byte for no end
  std::int64_t revision = 0; // 0: the newest when the first page is read
  bool keys_only = false;
};

/// All keys that start with `prefix`; everything if it is empty.
paged_range range_of_prefix(const std::string& prefix);

/// The pairs of a range in the order of their keys, all as of one revision. A page is about 4 MiB;
/// the connection's own limit holds when pairs grow all of a sudden.
class range_pages {
public:
  range_pages(client& from, const paged_range& wanted);

  /// @throws call_failed, also when the revision is compacted before the end is reached.
  bool next(pb::RangeResponse& page);

  /// What all pages show; 0 before the first.
  std::int64_t revision() const {
    return request_.revision();
  }

  /// How many pairs there are in all; 0 before the first page.
  std::int64_t count() const {
    return count_;
  }

private:
  pb::RangeResponse read();

  client& from_;
  pb::RangeRequest request_;
  std::int64_t count_ = 0;
  bool over_ = false;
};

/// How many pairs to ask for after a page of `pairs` pairs and `bytes` bytes.
std::int64_t next_limit(std::int64_t pairs, std::size_t bytes);

/// The settings of `options` with a bound for what one answer may take of our memory, unless they
/// have their own.
client_options bounded(client_options options);

} // namespace troupe::ctl
