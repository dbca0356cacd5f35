#include "storage/raft_log.hpp"

#include "messages/ensure.hpp"
#include "storage/raft_log_recovery.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::storage {
namespace {

// More would hold disk space that the machine may need elsewhere.
constexpr std::size_t spare_files = 2;

/// Room for the batch, padding included; a cut record for each group is counted in.
std::size_t batch_bytes(std::span<const log_group> groups) {
  auto bytes = batch_record_bytes + hard_state_record_bytes + groups.size() * cut_record_bytes;
  for (const auto& group : groups)
    for (const auto& x : group.entries)
      bytes += entry_record_bytes + x.payload.size();
  return round_up_to_block(bytes);
}

bool is_empty(const log_group& group) {
  return !group.state && group.entries.empty();
}

void check_groups(std::span<const log_group> groups, log_index before, log_index last) {
  for (const auto& group : groups) {
    if (group.entries.empty())
      continue;
    auto next = group.entries.front().id.index;
    ensure(next > before, "released entries are not written again");
    ensure(next <= last + 1, "entries leave no gap behind the log");
    for (const auto& x : group.entries) {
      ensure(x.id.index == next, "entries are consecutive");
      next = next + 1;
    }
    last = group.entries.back().id.index;
  }
}

} // namespace

raft_log::raft_log(file_system& files, std::string directory, const raft_log_options& options,
                   std::unique_ptr<directory_lock> lock)
    : files_(files), directory_(std::move(directory)), options_(options), lock_(std::move(lock)) {}

recovered_log raft_log::open(file_system& files, const std::string& directory,
                             const raft_log_options& options) {
  ensure(options.segment_bytes >= 2 * block_bytes, "a segment has room for a batch");
  ensure(options.segment_bytes % block_bytes == 0, "a segment is made of whole blocks");
  ensure(options.fill_bytes % block_bytes == 0, "a file is filled by whole blocks");
  files.make_directory(directory);
  auto lock = files.lock_directory(directory);
  auto found = recover_raft_log(files, directory, options.cluster, options.member);
  std::unique_ptr<raft_log> log{new raft_log{files, directory, options, std::move(lock)}};
  log->segments_ = std::move(found.segments);
  log->spare_paths_ = std::move(found.spare_paths);
  log->index_ = std::move(found.index);
  log->state_ = found.state;
  log->newest_ = found.newest;
  log->highest_ = found.highest;
  log->position_ = found.position;
  log->closed_ = found.closed;
  if (log->segments_.empty())
    log->start_segment();
  else
    log->options_.salt = found.salt;
  auto before = log->before_first();
  return {.log = std::move(log),
          .state = found.state,
          .before_first = before,
          .entries = std::move(found.entries),
          .torn_tail = found.torn_tail};
}

template <class Operation>
void raft_log::change(Operation operation) {
  refuse_if_failed();
  try {
    operation();
  } catch (const std::exception& error) {
    failure_ = error.what();
    throw;
  }
}

void raft_log::refuse_if_failed() const {
  if (!failure_.empty())
    throw storage_error{errc::io_error, directory_ + ": not used any more since: " + failure_};
}

void raft_log::append(const std::optional<hard_state>& state, std::span<const entry> entries) {
  std::array groups{log_group{state, entries}};
  append(groups);
}

void raft_log::append(std::span<const log_group> groups) {
  check_groups(groups, before_first().index, last().index);
  refuse_if_failed();
  if (std::all_of(groups.begin(), groups.end(), is_empty))
    return;
  change([&] {
    const auto& current = segments_.back();
    if (current.end() > first_batch_offset
        && current.end() + batch_bytes(groups) > options_.segment_bytes)
      start_segment();
    write_batch(groups);
  });
}

void raft_log::write_batch(std::span<const log_group> groups) {
  auto& current = segments_.back();
  auto number = highest_ + 1;
  batch_writer writer{buffer_.obtain(batch_bytes(groups)), current.stamp(), number};
  auto had_state = false;
  for (const auto& group : groups) {
    stage(group, writer);
    had_state = had_state || group.state;
  }
  if (had_state)
    writer.add(state_);
  auto blocks = writer.finish(newest_, last());
  current.write_batch(blocks);
  newest_ = highest_ = number;
  position_ += blocks.size();
  closed_ = groups.empty();
}

/// Entries to the batch and the index; the state is only taken over, for the newest is enough.
void raft_log::stage(const log_group& group, batch_writer& writer) {
  if (group.state)
    state_ = *group.state;
  if (group.entries.empty())
    return;
  const auto& current = segments_.back();
  if (group.entries.front().id.index <= last().index)
    cut_to(group.entries.front().id.index - 1, writer);
  for (const auto& x : group.entries) {
    index_.append(x.id, {.segment = current.number(),
                         .offset = current.end() + writer.position(),
                         .bytes = entry_record_bytes + x.payload.size(),
                         .position = position_});
    writer.add(x);
  }
}

void raft_log::cut_to(log_index last, batch_writer& writer) {
  entry_id kept{index_.term_of(last).value(), last};
  writer.add_cut(kept);
  index_.cut(kept);
  for (auto& x : segments_)
    if (x.base().index > last)
      x.set_base(kept);
}

void raft_log::close_batch() {
  refuse_if_failed();
  if (closed_)
    return;
  change([&] {
    if (segments_.back().end() + block_bytes > options_.segment_bytes)
      start_segment(); // its header certifies as well
    else
      write_batch({});
  });
}

void raft_log::prepare_ahead() {
  change([&] { segments_.back().fill_ahead(options_.fill_bytes, options_.segment_bytes); });
}

void raft_log::start_segment() {
  auto number = segments_.empty() ? segment_number{1} : segments_.back().number() + 1;
  segment_description description{.cluster = options_.cluster,
                                  .member = options_.member,
                                  .salt = options_.salt,
                                  .number = highest_ + 1,
                                  .previous = newest_,
                                  .before = last(),
                                  .state = state_};
  auto path = directory_ + "/" + segment_file_name(number);
  auto storage = take_file(path);
  auto block = buffer_.obtain(block_bytes);
  encode_segment_header(block, number, description);
  storage->write_durable(0, block);
  files_.sync_directory(directory_);
  segments_.emplace_back(path, std::move(storage), number, description);
  newest_ = highest_ = description.number;
  position_ += first_batch_offset;
  closed_ = true;
}

std::unique_ptr<file> raft_log::take_file(const std::string& path) {
  if (spare_paths_.empty())
    return files_.open(path, open_mode::create);
  files_.rename(spare_paths_.back(), path);
  spare_paths_.pop_back();
  return files_.open(path, open_mode::existing);
}

void raft_log::release(entry_id upto) {
  ensure(upto.index <= last().index, "only entries of the log are released");
  auto known = term_of(upto.index);
  ensure(!known || *known == upto.term, "the released entry is the log's own");
  change([&] {
    while (segments_.size() > 1 && index_.last_in(segments_.front().number()) <= upto.index)
      recycle_oldest();
  });
}

void raft_log::skip_to(entry_id at) {
  if (term_of(at.index) == at.term)
    return release(at);
  change([&] {
    index_ = raft_log_index{at};
    // What a new file begins with counts, whatever the files before it hold.
    start_segment();
    for (auto& x : segments_)
      x.set_base(at);
    while (segments_.size() > 1)
      recycle_oldest();
  });
}

/// One file at a time, oldest first and synced: a gap between the files always means damage.
void raft_log::recycle_oldest() {
  const auto& oldest = segments_.front();
  if (spare_paths_.size() < spare_files && oldest.storage().size() <= options_.segment_bytes) {
    auto spare = directory_ + "/" + spare_file_name(oldest.number());
    files_.rename(oldest.path(), spare);
    spare_paths_.push_back(spare);
  } else {
    files_.remove(oldest.path());
  }
  files_.sync_directory(directory_);
  index_.forget(oldest.number(), segments_[1].base());
  segments_.pop_front();
}

std::uint64_t raft_log::bytes_since(log_index index) const {
  if (index >= last().index)
    return 0;
  return position_ - index_.find(std::max(index, before_first().index) + 1).position;
}

const log_segment& raft_log::segment(segment_number number) const {
  return segments_.at(number - segments_.front().number());
}

std::vector<entry> raft_log::read(log_index first, log_index last, std::uint64_t max_bytes) const {
  ensure(first < last && last <= this->last().index + 1, "a read asks for entries of the log");
  refuse_if_failed();
  std::vector<entry> result;
  auto budget = max_bytes;
  while (first < last) {
    const auto& run = index_.find(first);
    auto had = result.size();
    auto run_end = std::min(last, run.last() + 1);
    read_run(run, first, run_end, budget, result);
    first = first + (result.size() - had);
    if (first < run_end)
      break; // the budget is used up
  }
  return result;
}

void raft_log::read_run(const log_run& run, log_index first, log_index last, std::uint64_t& budget,
                        std::vector<entry>& result) const {
  const auto& from = segment(run.segment);
  std::vector<std::byte> bytes(run.bytes);
  bytes.resize(from.storage().read(run.offset, bytes));
  std::span<const std::byte> rest{bytes};
  for (auto index = run.first; index < last; index = index + 1) {
    auto record = decode_record(rest, from.stamp().seed);
    if (!record || record->type != record_type::entry || record->id != entry_id{run.term, index}
        || record->cluster != options_.cluster || record->member != options_.member)
      throw storage_error{errc::data_damaged, from.path() + ": entry " + std::to_string(index.value)
                                                + " is not what was written"};
    rest = rest.subspan(record->bytes());
    if (index < first)
      continue;
    auto size = record->bytes() - entry_record_bytes;
    if (size > budget && !result.empty())
      return;
    budget -= std::min<std::uint64_t>(size, budget);
    result.push_back(entry_of(*record).value());
  }
}

} // namespace troupe::storage
