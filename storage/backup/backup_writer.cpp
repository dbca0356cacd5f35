#include "storage/backup/backup_writer.hpp"

#include "messages/ensure.hpp"
#include "storage/mvcc/record.hpp"

#include <utility>

namespace troupe::backup {

namespace {

using storage::family;
using found = storage::read_view::found;

description describe(const mvcc::store_state& state, const taker& by) {
  return {.cluster = by.cluster,
          .member = by.member,
          .revision = state.revision,
          .compacted = state.compacted,
          .applied = state.applied,
          .taken_at = by.now};
}

section after(section one) {
  return static_cast<section>(static_cast<std::uint32_t>(one) + 1);
}

/// What every store has of its own.
bool is_stores_own(family where, std::string_view key) {
  return where == family::meta && (key == mvcc::state_key || key == storage::format_key);
}

} // namespace

backup_writer::backup_writer(std::unique_ptr<const mvcc::pinned> state, const taker& by,
                             std::size_t chunk_bytes)
    : state_(std::move(state)), about_(describe(state_->state(), by)), chunk_bytes_(chunk_bytes),
      counter_(about_) {}

void backup_writer::next(std::string& out) {
  ensure(!done(), "nobody asks a finished backup for more");
  const auto start = out.size();
  if (written_bytes_ == 0) {
    out += encode_header(about_);
  } else {
    fill();
    if (records_ > 0) {
      counter_.add(at_, records_, body_);
      append_chunk(at_, ++number_, records_, body_, out);
    } else {
      finish(out);
    }
  }
  hash_.add(std::string_view{out}.substr(start));
  written_bytes_ += out.size() - start;
}

std::string backup_writer::digest() const {
  ensure(done(), "the digest is that of the whole file");
  return hash_.digest();
}

/// Makes the next chunk, which is empty if there is nothing left.
void backup_writer::fill() {
  body_.clear();
  records_ = 0;
  for (;; at_ = after(at_), from_.clear()) {
    switch (at_) {
    case section::lease:
      fill_plain(family::lease);
      break;
    case section::auth:
      fill_plain(family::auth);
      break;
    case section::member:
      fill_plain(family::member);
      break;
    case section::meta:
      fill_plain(family::meta);
      break;
    case section::v2:
      fill_plain(family::v2);
      break;
    case section::data:
      fill_data();
      break;
    case section::events:
      fill_events();
      break;
    case section::end:
      return;
    }
    if (records_ > 0)
      return;
  }
}

void backup_writer::fill_plain(family from) {
  state_->view().visit(from, from_, std::nullopt,
                       [&](std::string_view key, std::string_view value) {
                         return is_stores_own(from, key) || add({at_, key, value, {}});
                       });
}

void backup_writer::fill_data() {
  if (about_.compacted <= 0)
    return;
  const auto result = state_->view().visit_versions(
    from_, std::nullopt, about_.compacted, [&](std::string_view key, std::string_view value) {
      return add({at_, key, value, {}});
    });
  ensure(result == found::yes, "what is pinned is readable");
}

void backup_writer::fill_events() {
  state_->view().visit(family::events, from_, std::nullopt,
                       [&](std::string_view key, std::string_view value) {
                         return add({at_, key, value, version_of(key, value)});
                       });
}

bool backup_writer::add(const record& what) {
  append_record(what, body_);
  ++records_;
  from_.assign(what.key).push_back('\0');
  return body_.size() < chunk_bytes_;
}

/// What `data` holds for the event; empty where the event tells it itself, or the section `data`
/// does.
std::string backup_writer::version_of(std::string_view event_key, std::string_view event) const {
  const auto at = mvcc::decode_event_key(event_key).main;
  const auto decoded = mvcc::decode_event(event);
  std::string version;
  if (decoded.kind == mvcc::event_record::type::deletion || !decoded.replaced.empty()
      || at <= about_.compacted)
    return version;
  ensure(state_->view().get_version(decoded.key, at, version) == found::yes,
         "a put that was not replaced has its version");
  return version;
}

void backup_writer::finish(std::string& out) {
  const auto start = out.size();
  append_chunk(section::end, ++number_, 0, encode_contents(counter_.so_far()), out);
  const auto unaligned = (written_bytes_ + out.size() - start) % file_alignment;
  if (unaligned != 0)
    out.append(file_alignment - unaligned, '\0');
  state_.reset();
}

} // namespace troupe::backup
