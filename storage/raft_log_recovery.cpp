#include "storage/raft_log_recovery.hpp"

#include "storage/storage_error.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace troupe::storage {
namespace {

constexpr std::uint64_t scan_bytes = std::uint64_t{256} << 10;

[[noreturn]] void fail_damaged(const std::string& path, const std::string& what) {
  throw storage_error{errc::data_damaged,
                      path + ": damaged: " + what
                        + ". Entries that this member has acknowledged are lost; remove the member "
                          "and add it anew with an empty data directory, or restore a backup"};
}

std::string to_text(entry_id id) {
  return std::to_string(id.index.value) + " of term " + std::to_string(id.term.value);
}

/// Calls `visit(offset, block)` for each block from `begin` to the end of the file; a last piece
/// may be shorter. Stops when `visit` returns true. @returns whether it did.
template <class Visit>
bool any_block(const file& from, std::uint64_t begin, Visit visit) {
  auto size = from.size();
  std::vector<std::byte> piece(size > begin ? std::min(scan_bytes, size - begin) : 0);
  for (auto offset = begin; offset < size; offset += piece.size()) {
    auto have = from.read(offset, piece);
    for (std::size_t at = 0; at < have; at += block_bytes) {
      auto block = std::span{std::as_const(piece)}.subspan(at, std::min(block_bytes, have - at));
      if (visit(offset + at, block))
        return true;
    }
  }
  return false;
}

bool is_zero_from(const file& from, std::uint64_t begin) {
  return !any_block(from, begin, [](std::uint64_t, std::span<const std::byte> block) {
    return std::any_of(block.begin(), block.end(), [](std::byte b) { return b != std::byte{}; });
  });
}

/// Whether batches behind `end` show that more than `newest` was once on disk. A batch that starts
/// at `end` itself shows it only of those before it: it may be the torn one.
bool later_batch_exists(const file& from, std::uint64_t end, const record_stamp& stamp,
                        batch_number newest) {
  return any_block(from, end, [&](std::uint64_t offset, std::span<const std::byte> block) {
    auto frame = decode_batch_frame(block, stamp);
    return frame && frame->number > newest && (offset > end || frame->previous > newest);
  });
}

/// A file that carries the name of a segment.
struct candidate {
  segment_number number;
  std::string path;
  std::unique_ptr<file> storage;
  /// Empty if the first block is not a whole header of this segment.
  std::optional<segment_description> header;
};

class recovery {
public:
  recovery(file_system& files, const std::string& directory, cluster_id cluster, member_id member)
      : files_(files), directory_(directory), cluster_(cluster), member_(member) {}

  recovery_result run() {
    find_files();
    check_numbers();
    auto unborn = take_unborn();
    for (auto& x : candidates_)
      read_segment(x);
    if (!result_.segments.empty())
      settle_tail();
    // What counts from now on must stay. All but the newest batch was synced before the next was
    // written; whether that one was, or failed to be, only the process before us knew.
    if (unborn)
      files_.remove(unborn->path);
    if (!result_.segments.empty())
      result_.segments.back().rewrite(newest_begin_);
    files_.sync_directory(directory_);
    return std::move(result_);
  }

private:
  void find_files() {
    auto names = files_.list(directory_);
    for (const auto& name : names) {
      auto path = directory_ + "/" + name;
      if (parse_spare_file_name(name)) {
        result_.spare_paths.push_back(path);
      } else if (auto number = parse_segment_file_name(name)) {
        auto storage = files_.open(path, open_mode::existing);
        auto header = read_segment_header(*storage, path, *number);
        candidates_.push_back({*number, path, std::move(storage), header});
      } else if (name != "LOCK" && name != "lost+found") {
        strange_.push_back(path);
      }
    }
    if (candidates_.empty() && !(strange_.empty() && result_.spare_paths.empty()))
      throw storage_error{errc::data_foreign,
                          directory_ + ": holds no log, but other files ("
                            + (strange_.empty() ? result_.spare_paths : strange_).front()
                            + "); name an empty directory or the right one"};
  }

  void check_numbers() const {
    for (std::size_t i = 1; i < candidates_.size(); ++i)
      if (candidates_[i].number != candidates_[i - 1].number + 1)
        fail_damaged(candidates_[i].path, "the file before it is missing");
    for (std::size_t i = 0; i + 1 < candidates_.size(); ++i)
      if (!candidates_[i].header)
        fail_damaged(candidates_[i].path, "its first block cannot be read, and there is a later "
                                          "file");
    for (const auto& x : candidates_)
      if (x.header && (x.header->cluster != cluster_ || x.header->member != member_))
        throw storage_error{errc::data_foreign,
                            x.path + ": belongs to member " + std::to_string(x.header->member.value)
                              + " of cluster " + std::to_string(x.header->cluster.value)
                              + ", this is member " + std::to_string(member_.value) + " of cluster "
                              + std::to_string(cluster_.value)};
  }

  /// The last file, if it was made but its header never reached the disk: nothing in it counts.
  std::optional<candidate> take_unborn() {
    if (candidates_.empty() || candidates_.back().header)
      return std::nullopt;
    auto last = std::move(candidates_.back());
    candidates_.pop_back();
    auto unborn = candidates_.empty() ? last.number == segment_number{1}
                                          && is_zero_from(*last.storage, first_batch_offset)
                                      : !holds_batch(last, *candidates_.back().header);
    if (!unborn)
      fail_damaged(last.path, "its first block cannot be read");
    return last;
  }

  static bool holds_batch(const candidate& x, const segment_description& before) {
    record_stamp stamp{before.cluster, before.member, record_seed(x.number, before.salt)};
    return later_batch_exists(*x.storage, 0, stamp, before.number);
  }

  void read_segment(candidate& x) {
    if (result_.segments.empty())
      begin_log(x);
    else
      check_continues(x);
    result_.newest = x.header->number;
    result_.closed = true;
    auto& segment =
      result_.segments.emplace_back(x.path, std::move(x.storage), x.number, *x.header);
    result_.position += first_batch_offset;
    newest_begin_ = 0;
    while (read_next_batch(segment)) {
    }
  }

  void begin_log(const candidate& x) {
    result_.index = raft_log_index{x.header->before};
    result_.state = x.header->state;
    result_.salt = x.header->salt;
  }

  /// A segment's header certifies all that the segments before it held. If it begins behind an
  /// entry that they do not hold, nothing of theirs counts any more: see raft_log::skip_to.
  void check_continues(const candidate& x) {
    const auto& before = result_.segments.back();
    if (x.header->previous != result_.newest)
      fail_damaged(before.path(), "no whole batch at byte " + std::to_string(before.end())
                                    + ", and there is a later file");
    const auto begin = x.header->before;
    const bool skips = result_.index.term_of(begin.index) != begin.term;
    if ((begin != result_.index.last() && !skips) || x.header->state != result_.state
        || x.header->salt != result_.salt)
      fail_damaged(x.path, "it does not continue the file before it");
    if (!skips)
      return;
    result_.index = raft_log_index{begin};
    result_.entries.clear();
    for (auto& segment : result_.segments)
      segment.set_base(begin);
  }

  bool read_next_batch(log_segment& segment) {
    auto batch = read_batch(segment.storage(), segment.end(), segment.stamp());
    if (!batch || batch->frame.previous != result_.newest || batch->frame.number <= result_.newest)
      return false;
    auto offset = segment.end() + batch_record_bytes;
    for (const auto& record : batch->records) {
      take(segment, record, {segment.number(), offset, record.bytes(), result_.position});
      offset += record.bytes();
    }
    result_.newest = batch->frame.number;
    result_.closed = batch->records.empty();
    result_.position += batch->bytes.size();
    newest_begin_ = segment.end();
    segment.set_end(newest_begin_ + batch->bytes.size());
    return true;
  }

  void take(const log_segment& segment, const record_view& record, const record_place& place) {
    if (auto state = hard_state_of(record))
      result_.state = *state;
    else if (auto x = entry_of(record))
      take_entry(segment, std::move(*x), place);
    else if (record.type == record_type::cut)
      take_cut(segment, record.id);
    else
      fail_damaged(segment.path(),
                   "record of unknown type at byte " + std::to_string(place.offset));
  }

  void take_entry(const log_segment& segment, entry&& x, const record_place& place) {
    if (x.id.index != result_.index.last().index + 1)
      fail_damaged(segment.path(),
                   "entry " + to_text(x.id) + " follows entry " + to_text(result_.index.last()));
    result_.index.append(x.id, place);
    result_.entries.push_back(std::move(x));
  }

  /// A cut below the oldest file's base is no damage: what lay there is released.
  void take_cut(const log_segment& segment, entry_id last) {
    auto& index = result_.index;
    auto known = index.term_of(last.index);
    if (last.index > index.last().index || (known && *known != last.term))
      fail_damaged(segment.path(),
                   "cut back to entry " + to_text(last) + ", which the log does not hold");
    auto kept =
      last.index > index.before_first().index ? last.index - index.before_first().index : 0;
    result_.entries.erase(result_.entries.begin() + static_cast<std::ptrdiff_t>(kept),
                          result_.entries.end());
    index.cut(last);
    for (auto& x : result_.segments)
      if (x.base().index > last.index)
        x.set_base(last);
  }

  void settle_tail() {
    const auto& segment = result_.segments.back();
    auto end = segment.end();
    if (later_batch_exists(segment.storage(), end, segment.stamp(), result_.newest))
      fail_damaged(segment.path(),
                   "no whole batch at byte " + std::to_string(end) + ", but a later one behind it");
    std::array<std::byte, block_bytes> block{};
    auto have = segment.storage().read(end, block);
    auto torn = decode_batch_frame(std::span{std::as_const(block)}.first(have), segment.stamp());
    result_.torn_tail = torn && torn->number > result_.newest;
    result_.highest = result_.torn_tail ? torn->number : result_.newest;
  }

  file_system& files_;
  std::string directory_;
  cluster_id cluster_;
  member_id member_;
  std::vector<candidate> candidates_;
  std::vector<std::string> strange_;
  /// Where the newest batch starts in the last segment.
  std::uint64_t newest_begin_ = 0;
  recovery_result result_;
};

} // namespace

recovery_result recover_raft_log(file_system& files, const std::string& directory,
                                 cluster_id cluster, member_id member) {
  return recovery{files, directory, cluster, member}.run();
}

} // namespace troupe::storage
