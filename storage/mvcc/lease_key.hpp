#pragma once

#include "messages/ids.hpp"
#include "storage/mvcc/key_range.hpp"

#include <string>
#include <string_view>

/// Keys of the engine's `lease` family (storage/format.md): the leases, which the applier writes,
/// and for each lease its attachments, the user keys that end with it, which the store keeps
/// itself.
namespace troupe::mvcc {

/// Of the record of a lease. Leases order by id as an unsigned number.
std::string lease_key(lease_id lease);

/// Every lease_key and nothing else.
key_range all_lease_keys();

/// Says that the user key has this lease now; the value is empty.
std::string attachment_key(lease_id lease, std::string_view key);

/// Every attachment of the lease and nothing else, in the order of the user keys.
key_range attachments_of(lease_id lease);

/// The user key; a view into its argument. @pre made by attachment_key.
std::string_view attached_key(std::string_view attachment);

/// Whether the store keeps this key of the family itself.
bool is_attachment(std::string_view key);

} // namespace troupe::mvcc
