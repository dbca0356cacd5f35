#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// JSON with keys and values that can be read: a string if the bytes are UTF-8, else
/// {"base64":"..."}.
namespace troupe::ctl {

/// The bytes alone, as a JSON value.
std::string readable_json(std::string_view bytes);

/// What a line of an export says about a key.
struct exported_key {
  std::string key;
  std::string value;
  std::int64_t lease = 0; // 0: none
  /// As the lease was granted; 0 if it was gone when the line was written. Only with a lease.
  std::optional<std::int64_t> ttl_seconds;
  // Of the exporting store, for readers; an import leaves them out. 0: not there.
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
};

/// Without a line end. `all_base64`: also text as {"base64":"..."}.
std::string json_line(const exported_key& one, bool all_base64);

/// What is wrong with a line.
class bad_line : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The inverse. Members that it does not know are passed over; only `key` must be there.
/// @throws bad_line
exported_key parse_json_line(std::string_view line);

} // namespace troupe::ctl
