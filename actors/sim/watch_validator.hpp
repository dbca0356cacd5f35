#pragma once

#include "messages/ids.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/event.hpp"
#include "storage/mvcc/key_range.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::sim {

/// Judges what watch clients receive against what was written: ordered, unique, reliable, atomic,
/// resumable and bookmarkable (etcd's guarantees, checklist 69-77), and that each answer has the
/// form of etcd-semantics 7.3. It knows nothing of how watches are made: it is told each change
/// when it can first be read, and each answer when its client gets it.
///
/// A violation is a sentence that names the watch; judging goes on after it, but not for this
/// watch.
class watch_validator {
public:
  /// One create request on one stream; answers belong to the oldest one that has no `created` yet
  /// (etcd answers creates in order).
  struct created_watch {
    /// The client's own name for the stream, never reused.
    std::uint64_t stream = 0;
    etcdserverpb::WatchCreateRequest request;
  };

  /// All changes of the next revision; revisions are told in order, without holes.
  void wrote(std::int64_t revision, std::vector<mvcc::event> changes);

  /// Nothing below `floor` can be read from now on.
  void compacted(std::int64_t floor);

  void asked(const created_watch& watch);
  /// The client has asked to end this watch: from now on its end may come, its events may lack.
  void asked_to_cancel(std::uint64_t stream, std::int64_t watch_id);
  void received(std::uint64_t stream, const etcdserverpb::WatchResponse& answer);
  /// The stream is broken: nothing more is expected of it.
  void ended(std::uint64_t stream);

  /// All is quiet and every client has read everything: whoever still watches has seen all there
  /// was.
  void settled();

  /// Where a new watch takes up that of this id: the revision after the last one seen. 0 if it is
  /// unknown.
  std::int64_t next_revision(std::uint64_t stream, std::int64_t watch_id) const;

  const std::vector<std::string>& violations() const {
    return violations_;
  }

  /// Events judged so far: a run that delivers nothing finds nothing.
  std::uint64_t events() const {
    return events_;
  }

private:
  struct watch {
    mvcc::key_range keys;
    bool puts = true;
    bool deletions = true;
    bool previous = false;
    bool fragments = false;
    std::int64_t start = 0;
    /// Every event below (next, next_sub) that concerns the watch has come.
    std::int64_t next = 0;
    std::int64_t next_sub = 0;
    /// The last answer said that more of it follows.
    bool torn = false;
    bool cancelling = false;
    bool failed = false;
  };

  struct stream {
    /// Not answered yet, oldest first.
    std::vector<etcdserverpb::WatchCreateRequest> asked;
    std::map<std::int64_t, watch> watches;
    /// Ids of watches that ended by themselves, and whether the client has asked for their end
    /// since; the answer to that frees the id.
    std::map<std::int64_t, bool> over;
    bool ended = false;
  };

  /// A key at one revision, for `prev_kv`.
  struct version {
    std::int64_t revision = 0;
    std::optional<mvcc::key_value> kv;
  };

  void created(stream& in, std::uint64_t number, const etcdserverpb::WatchResponse& answer);
  void canceled(stream& in, const std::string& name, watch& of,
                const etcdserverpb::WatchResponse& answer);
  void progressed(const std::string& name, watch& of, std::int64_t revision);
  void changed(const std::string& name, watch& of, const etcdserverpb::WatchResponse& answer);
  bool matches(const std::string& name, watch& of, const mvccpb::Event& event);
  bool payload_matches(const watch& of, const mvcc::event& truth, const mvccpb::Event& event) const;
  bool previous_matches(const watch& of, const mvcc::event& truth,
                        const mvccpb::Event& event) const;
  /// The first change that concerns the watch and has not come; null if there is none.
  const mvcc::event* expected(const watch& of) const;
  bool concerns(const watch& of, const mvcc::event& change) const;
  void violated(const std::string& name, watch* of, std::string what);

  std::map<std::int64_t, std::vector<mvcc::event>> history_;
  std::map<std::string, std::vector<version>, std::less<>> versions_;
  std::int64_t revision_ = 1;
  std::int64_t floor_ = -1;
  std::map<std::uint64_t, stream> streams_;
  std::vector<std::string> violations_;
  std::uint64_t events_ = 0;
};

} // namespace troupe::sim
