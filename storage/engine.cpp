#include "storage/engine.hpp"

#include <charconv>
#include <string>

namespace troupe::storage {

namespace {

bool holds_anything(const read_view& view) {
  bool any = false;
  const auto note = [&](std::string_view, std::string_view) {
    any = true;
    return false;
  };
  view.visit_versions({}, std::nullopt, INT64_MAX, note);
  for (auto where :
       {family::events, family::lease, family::auth, family::member, family::meta, family::v2})
    view.visit(where, {}, std::nullopt, note);
  return any;
}

void stamp(engine& store) {
  auto batch = store.make_batch();
  batch->put(family::meta, format_key, std::to_string(store_format));
  store.write(*batch);
  store.flush();
}

} // namespace

std::string_view name(family which) {
  switch (which) {
  case family::data:
    return "data";
  case family::events:
    return "events";
  case family::lease:
    return "lease";
  case family::auth:
    return "auth";
  case family::member:
    return "member";
  case family::meta:
    return "meta";
  case family::v2:
    return "v2";
  }
  return "unknown";
}

void check_format(engine& store) {
  std::string text;
  if (!store.latest().get(family::meta, format_key, text)) {
    if (holds_anything(store.latest()))
      throw storage_error{errc::data_foreign,
                          "the state machine's store has content but no format number: it was not "
                          "written by this program; give another data directory"};
    stamp(store);
    return;
  }
  std::uint64_t format = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), format);
  if (error != std::errc{} || rest != text.data() + text.size() || format == 0)
    throw storage_error{errc::data_damaged, "the state machine's store has no readable format "
                                            "number; restore this member from its peers"};
  if (format > store_format)
    throw storage_error{errc::data_newer, "the state machine's store has format " + text
                                            + ", this program knows up to "
                                            + std::to_string(store_format)
                                            + "; start the newer program that wrote it"};
  if (format < store_format)
    stamp(store);
}

} // namespace troupe::storage
