#pragma once

#include "apps/troupectl/calls.hpp"

#include <set>
#include <string>

namespace troupe::ctl {

/// Puts that one transaction can do: each key once, no more operations and bytes than a server
/// takes.
class put_batch {
public:
  /// `max_operations`: at least 1.
  put_batch(int max_operations, std::size_t max_bytes);

  /// Whether `put` fits beside what is there; an empty batch takes any.
  bool takes(const pb::PutRequest& put) const;

  /// `line`: where it comes from.
  void add(pb::PutRequest put, std::int64_t line);

  void clear();

  const pb::TxnRequest& request() const {
    return request_;
  }

  int size() const {
    return request_.success_size();
  }

  /// Of the last put; 0 if there is none.
  std::int64_t last_line() const {
    return last_line_;
  }

private:
  int max_operations_;
  std::size_t max_bytes_;
  pb::TxnRequest request_;
  std::set<std::string> keys_;
  std::size_t bytes_ = 0;
  std::int64_t last_line_ = 0;
};

} // namespace troupe::ctl
