#include "actors/snapshot/receiver_core.hpp"

#include "storage/crc32c.hpp"

#include <algorithm>
#include <span>

namespace troupe::snapshot {

void receiver_core::on(const snapshot_offer& offer, log_index applied, receiver_output& out) {
  if (last_end_ && last_end_->first == offer.from && last_end_->second.transfer == offer.transfer) {
    out.end = last_end_;
    return;
  }
  if (offer_ && offer_->from == offer.from && offer_->transfer == offer.transfer) {
    silent_ticks_ = 0;
    return;
  }
  if (!is_well_formed(offer) || offer.at.index <= applied
      || (offer_ && offer.at.index < offer_->at.index)) {
    out.end = {offer.from, {self_, offer.transfer, errc::canceled}};
    return;
  }
  receiver_output::beginning begin{offer, held_of(offer)};
  offer_ = offer;
  files_.assign(offer.files.size(), {});
  held_from_ = offer.from;
  held_.clear();
  for (auto file : begin.kept) {
    files_[file].done = true;
    held_.push_back(offer.files[file]);
  }
  in_flight_.clear();
  silent_ticks_ = 0;
  out.begin = std::move(begin);
  for (std::uint32_t file = 0; file < files_.size(); ++file)
    check_if_whole(file, out);
  ask(out);
  complete_if_all(out);
}

void receiver_core::on(const snapshot_chunk& chunk, receiver_output& out) {
  if (!offer_ || chunk.from != offer_->from || chunk.transfer != offer_->transfer)
    return;
  const auto asked = in_flight_.find({chunk.file, chunk.offset});
  if (asked == in_flight_.end() || chunk.content.size() != request_for(asked->first).bytes
      || storage::crc32c(std::as_bytes(std::span{chunk.content.view()})) != chunk.checksum)
    return;
  in_flight_.erase(asked);
  silent_ticks_ = 0;
  out.to_write.push_back({chunk.file, chunk.offset, chunk.content});
  files_[chunk.file].written += chunk.content.size();
  check_if_whole(chunk.file, out);
  ask(out);
}

void receiver_core::on_checked(std::uint32_t file, bool right, receiver_output& out) {
  if (!offer_ || file >= files_.size() || !files_[file].checking)
    return;
  auto& state = files_[file];
  state.checking = false;
  if (right) {
    state.done = true;
    held_.push_back(offer_->files[file]);
    return complete_if_all(out);
  }
  if (++state.attempts >= limits_.attempts)
    return finish(errc::data_damaged, out);
  state.asked = 0;
  state.written = 0;
  ask(out);
}

void receiver_core::on_failure(errc reason, receiver_output& out) {
  if (offer_)
    finish(reason, out);
}

void receiver_core::on_tick(receiver_output& out) {
  if (!offer_)
    return;
  if (++silent_ticks_ > limits_.patience_ticks && !in_flight_.empty())
    return finish(errc::deadline_exceeded, out);
  for (auto& [where, age] : in_flight_)
    if (++age >= limits_.retry_ticks) {
      age = 0;
      out.requests.push_back(request_for(where));
    }
}

std::set<std::uint32_t> receiver_core::held_of(const snapshot_offer& offer) const {
  std::set<std::uint32_t> held;
  if (held_from_ != offer.from)
    return held;
  std::map<std::string_view, const snapshot_file*> by_name;
  for (const auto& file : held_)
    by_name.emplace(file.name, &file);
  for (std::uint32_t i = 0; i < offer.files.size(); ++i)
    if (auto found = by_name.find(offer.files[i].name);
        found != by_name.end() && *found->second == offer.files[i])
      held.insert(i);
  return held;
}

bool receiver_core::is_well_formed(const snapshot_offer& offer) const {
  std::set<std::string_view> names;
  for (const auto& file : offer.files)
    if (file.name.empty() || file.name.front() == '.'
        || file.name.find_first_of(std::string_view{"/\0", 2}) != file.name.npos
        || !names.insert(file.name).second)
      return false;
  return !offer.files.empty();
}

snapshot_request receiver_core::request_for(const place& where) const {
  const auto left = offer_->files[where.file].bytes - where.offset;
  return {self_, offer_->transfer, where.file, where.offset,
          static_cast<std::uint32_t>(std::min<std::uint64_t>(left, limits_.chunk_bytes))};
}

/// File after file, so that a whole one is soon safe for a later transfer.
void receiver_core::ask(receiver_output& out) {
  for (std::uint32_t file = 0; file < files_.size(); ++file) {
    auto& state = files_[file];
    while (!state.done && state.asked < offer_->files[file].bytes) {
      if (in_flight_.size() >= limits_.chunks_in_flight)
        return;
      const place where{file, state.asked};
      out.requests.push_back(request_for(where));
      state.asked += out.requests.back().bytes;
      in_flight_.emplace(where, 0);
    }
  }
}

void receiver_core::check_if_whole(std::uint32_t file, receiver_output& out) {
  auto& state = files_[file];
  if (state.done || state.written < offer_->files[file].bytes)
    return;
  state.checking = true;
  out.to_check.push_back(file);
}

void receiver_core::complete_if_all(receiver_output& out) {
  if (!std::ranges::all_of(files_, &file_state::done))
    return;
  out.complete = offer_->at;
  held_.clear();
  finish(errc::none, out);
}

void receiver_core::finish(errc result, receiver_output& out) {
  last_end_ = {offer_->from, {self_, offer_->transfer, result}};
  out.end = last_end_;
  offer_.reset();
  files_.clear();
  in_flight_.clear();
}

} // namespace troupe::snapshot
