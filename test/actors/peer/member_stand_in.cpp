#include "test/actors/peer/member_stand_in.hpp"

#include <utility>

namespace troupe::peer {

namespace {

template <class Notes, class Change>
void note(const std::shared_ptr<Notes>& notes, Change change) {
  std::scoped_lock lock{notes->mutex};
  change(notes->contents);
  notes->changed.notify_all();
}

} // namespace

member_stand_in::listener::behavior_type
member_stand_in::listen(listener::pointer, const std::shared_ptr<notebook>& notes) {
  auto another = [=] { note(notes, [](heard& x) { ++x.others; }); };
  return {
    [=](const request_vote& what) { note(notes, [&](heard& x) { x.votes.push_back(what); }); },
    [=](const request_vote_reply&) { another(); },
    [=](const append& what) {
      note(notes, [&](heard& x) {
        for (const auto& entry : what.entries)
          x.append_bytes += entry.payload.size();
        x.appends.push_back(what);
        x.appends.back().entries.clear();
      });
    },
    [=](const append_reply&) { another(); },
    [=](const timeout_now&) { another(); },
    [=](const forward_propose&) { another(); },
    [=](const forward_refused&) { another(); },
    [=](const forward_read&) { another(); },
    [=](const forward_read_reply&) { another(); },
    [=](const raft::peer_table& table) { note(notes, [&](heard& x) { x.table = table.peers; }); },
    [=](const link_lost& lost) { note(notes, [&](heard& x) { ++x.lost[lost.peer]; }); },
    [=](const link_found& found) { note(notes, [&](heard& x) { ++x.found[found.peer]; }); },
  };
}

member_stand_in::member_stand_in(std::uint64_t id, const std::function<void(peer_config&)>& adapt)
    : id_{id}, listener_(system_.spawn(&member_stand_in::listen, notes_)) {
  peer_config config;
  config.own = {.cluster = {7}, .member = id_, .boot = {1}, .incarnation = id};
  config.listen = {{"127.0.0.1", 0}};
  config.seed = id;
  config.time = std::make_shared<real_clock>();
  config.refused = [notes = notes_](member_id peer, hello_refusal reason, bool by_peer) {
    note(notes, [&](heard& x) { x.refusals.emplace_back(peer, reason, by_peer); });
  };
  adapt(config);
  counters_ = config.counters;
  tls_ = config.tls.has_value();
  network_ = std::make_unique<peer_network>(std::move(config));
  port_ = network_->addresses().front().port;
  manager_ = network_->start(listener_, listener_);
}

member_stand_in::~member_stand_in() {
  leave();
  caf::anon_send_exit(listener_, caf::exit_reason::user_shutdown);
}

void member_stand_in::leave() {
  // Handles of the network's actors do not outlive it.
  note(notes_, [](heard& x) { x.table.clear(); });
  manager_ = peer_manager_actor{};
  network_.reset();
}

std::string member_stand_in::url() const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

void member_stand_in::configure(const std::map<member_id, std::vector<std::string>>& members,
                                const std::set<member_id>& removed) {
  configuration_changed changed;
  changed.now.cluster = {7};
  for (const auto& [id, urls] : members)
    changed.now.members[id].peer_urls = urls;
  changed.now.removed = removed;
  changed.committed = true;
  caf::anon_send(manager_, changed);
}

bool member_stand_in::await(const std::function<bool(const heard&)>& ready, patience patience) {
  std::unique_lock lock{notes_->mutex};
  return notes_->changed.wait_for(lock, patience, [&] { return ready(notes_->contents); });
}

heard member_stand_in::now() {
  std::scoped_lock lock{notes_->mutex};
  return notes_->contents;
}

void introduce(const std::vector<member_stand_in*>& members) {
  std::map<member_id, std::vector<std::string>> known;
  for (auto* member : members)
    known[member->id()] = {member->url()};
  for (auto* member : members)
    member->configure(known);
}

} // namespace troupe::peer
