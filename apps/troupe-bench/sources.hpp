#pragma once

#include "apps/troupe-bench/call_load.hpp"
#include "apps/troupe-bench/key_space.hpp"
#include "apps/troupe-bench/wire.hpp"

namespace troupe::bench {

/// Call i puts key i modulo `keys`.
class put_source : public call_source {
public:
  put_source(key_space space, std::uint64_t keys, std::uint64_t value_size);

  const char* path() const override;
  void request(std::uint64_t call, std::string& to) override;
  std::string judge(std::uint64_t call, std::string_view answer, instant sent, instant at) override;

private:
  key_space space_;
  std::uint64_t keys_, value_size_;
};

struct range_shape {
  std::uint64_t keys = 1;
  std::uint64_t keys_per_range = 1;
  bool serializable = false;
  /// Answers to calls below this must hold the value of `value_size` that put_source puts.
  std::uint64_t verified = 0;
  std::uint64_t value_size = 0;
};

/// Call i reads from key i modulo `shape.keys` on.
class range_source : public call_source {
public:
  range_source(key_space space, const range_shape& shape);

  const char* path() const override;
  void request(std::uint64_t call, std::string& to) override;
  std::string judge(std::uint64_t call, std::string_view answer, instant sent, instant at) override;

private:
  key_space space_;
  range_shape shape_;
  decoder decoder_;
};

/// A lease of ours. Both times are from grants that succeeded; the time to live counts from some
/// moment between them.
struct granted_lease {
  std::int64_t id = 0;
  std::uint64_t ttl_seconds = 0;
  instant asked, answered;
};

/// Grants leases and, if told where, keeps them.
class grant_source : public call_source {
public:
  grant_source(std::uint64_t ttl_seconds, std::vector<granted_lease>* granted);

  /// Leases end within the second before this moment, as far as whole seconds allow.
  void end_together(instant end);

  const char* path() const override;
  void request(std::uint64_t call, std::string& to) override;
  std::string judge(std::uint64_t call, std::string_view answer, instant sent, instant at) override;

private:
  std::uint64_t ttl_seconds_;
  std::vector<granted_lease>* granted_;
  instant end_ = instant::max();
  decoder decoder_;
};

/// Call i renews lease i modulo their number.
class renewal_source : public call_source {
public:
  explicit renewal_source(const std::vector<granted_lease>& leases);

  const char* path() const override;
  void request(std::uint64_t call, std::string& to) override;
  std::string judge(std::uint64_t call, std::string_view answer, instant sent, instant at) override;

private:
  const std::vector<granted_lease>& leases_;
  decoder decoder_;
};

/// Call i attaches key i to lease i.
class attach_source : public call_source {
public:
  attach_source(key_space space, const std::vector<granted_lease>& leases);

  const char* path() const override;
  void request(std::uint64_t call, std::string& to) override;
  std::string judge(std::uint64_t call, std::string_view answer, instant sent, instant at) override;

private:
  key_space space_;
  const std::vector<granted_lease>& leases_;
};

} // namespace troupe::bench
