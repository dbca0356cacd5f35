#include "test/actors/raft/dialogue.hpp"

#include "actors/raft/core/invariants.hpp"
#include "test/actors/raft/core_cluster.hpp"

#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

namespace troupe::raft {

namespace {

std::string text(entry_id id) {
  return std::to_string(id.term.value) + "/" + std::to_string(id.index.value);
}

std::string text(const std::set<member_id>& ids) {
  std::string result;
  for (auto id : ids)
    result += (result.empty() ? "" : " ") + std::to_string(id.value);
  return result;
}

/// For example {1 2 4 | 1 2 3 learners 5}: joint, with the outgoing half behind the bar.
std::string text(const configuration& what) {
  auto result = "{" + text(what.voters());
  std::set<member_id> outgoing;
  for (const auto& [id, member] : what.outgoing)
    outgoing.insert(id);
  if (what.is_joint())
    result += " | " + text(outgoing);
  if (!what.learners().empty())
    result += " learners " + text(what.learners());
  return result + "}";
}

std::string text(const std::vector<entry>& entries) {
  std::string result;
  for (const auto& each : entries) {
    result += (result.empty() ? "" : ",") + text(each.id);
    if (each.kind == entry_kind::configuration)
      result += ":" + text(*decode_configuration(each.payload));
    else if (!each.payload.empty())
      result += ":" + std::string{each.payload.view()};
  }
  return result;
}

std::string text(const request_vote& rpc) {
  return (rpc.pre ? "pre_vote term=" : "request_vote term=") + std::to_string(rpc.term.value)
         + " last=" + text(rpc.last) + (rpc.transfer ? " transfer" : "");
}

std::string text(const request_vote_reply& reply) {
  return std::string{reply.granted ? "" : "no "} + (reply.pre ? "pre-vote term=" : "vote term=")
         + std::to_string(reply.term.value);
}

std::string text(const append& rpc) {
  auto result = "append term=" + std::to_string(rpc.term.value) + " prev=" + text(rpc.prev);
  if (!rpc.entries.empty())
    result += " entries=" + text(rpc.entries);
  result += " commit=" + std::to_string(rpc.commit.value);
  if (rpc.read_round != 0)
    result += " read_round=" + std::to_string(rpc.read_round);
  return result;
}

std::string text(const append_reply& reply) {
  auto result = (reply.success ? "append ok term=" : "append refused term=")
                + std::to_string(reply.term.value) + " match=" + std::to_string(reply.match.value);
  if (reply.read_round != 0)
    result += " read_round=" + std::to_string(reply.read_round);
  return result;
}

std::string text(const timeout_now& rpc) {
  return "timeout_now term=" + std::to_string(rpc.term.value);
}

std::string text(const forward_propose& request) {
  std::string result = "forward";
  for (const auto& each : request.proposals)
    result += " " + std::string{each.payload.view()};
  return result;
}

std::string text(const forward_refused& refused) {
  return "forward refused: " + to_string(refused.reason);
}

std::string text(const forward_read& request) {
  return "forward read " + std::to_string(request.round);
}

std::string text(const forward_read_reply& reply) {
  return "forward read " + std::to_string(reply.round) + ": "
         + (reply.error == errc::none ? "index=" + std::to_string(reply.index.value)
                                      : to_string(reply.error));
}

const char* text(raft_role role) {
  switch (role) {
  case raft_role::follower:
    return "follower";
  case raft_role::candidate:
    return "candidate";
  case raft_role::leader:
    return "leader";
  case raft_role::pre_candidate:
    return "pre-candidate";
  case raft_role::learner:
    return "learner";
  }
  return "?";
}

/// Writes down what the members do.
class scribe final : public observer {
public:
  void sent(const cluster_member& from, member_id to, const peer_message& message) override {
    auto what = std::visit([](const auto& content) { return text(content); }, message);
    line(from) << " -> " << to.value << " " << what << "\n";
  }

  void written(const cluster_member& by, const persist& batch) override {
    line(by) << " writes";
    if (batch.state) {
      out << " term=" << batch.state->term.value << " vote=" << batch.state->voted_for.value;
      if (batch.state->commit > log_index{})
        out << " commit=" << batch.state->commit.value;
    }
    if (!batch.entries.empty())
      out << " entries=" << text(batch.entries);
    out << "\n";
  }

  void committed(const cluster_member& by, const std::vector<entry>& entries) override {
    line(by) << " applies " << text(entries) << "\n";
  }

  void refused(const cluster_member& by, const propose_refused& refused) override {
    line(by) << " refuses: " << to_string(refused.reason) << "\n";
  }

  void answered(const cluster_member& by, const read_index_reply& reply) override {
    line(by) << " answers read " << reply.round << ": ";
    if (reply.error == errc::none)
      out << "index=" << reply.index.value << "\n";
    else
      out << to_string(reply.error) << "\n";
  }

  void answered(const cluster_member& by, const transfer_reply& reply) override {
    line(by) << " answers transfer: "
             << (reply.error == errc::none ? "done" : to_string(reply.error)) << "\n";
  }

  void wants_snapshot(const cluster_member& by, const snapshot_wanted& wanted) override {
    line(by) << " wants a snapshot for " << wanted.to.value << " behind " << wanted.behind.value
             << "\n";
  }

  void configured(const cluster_member& by, const configuration_changed& news) override {
    // What a member starts with is no news.
    if (news.at > log_index{})
      line(by) << " goes by " << text(news.now) << (news.committed ? " committed" : "") << "\n";
  }

  void became(const cluster_member& by) override {
    line(by) << " becomes " << text(by.status().role) << "\n";
  }

  void stepped(const cluster_member& by) override {
    check(by.state());
  }

  std::ostringstream out;

private:
  std::ostream& line(const cluster_member& by) {
    return out << by.id().value;
  }
};

/// The commands of one script.
class stage {
public:
  void run(const std::string& command) {
    std::istringstream words{command};
    std::string name;
    words >> name;
    if (name == "cluster")
      return open(words);
    const auto found = commands_.find(name);
    if (found == commands_.end())
      throw std::runtime_error{"unknown command: " + name};
    found->second(words);
  }

  std::string take_output() {
    auto result = watcher_.out.str();
    watcher_.out.str({});
    return result;
  }

private:
  void open(std::istream& words) {
    std::uint64_t members = 0;
    std::uint64_t voters = ~std::uint64_t{0};
    words >> members;
    core_config config{.strict_reconfig_check = false};
    std::string setting;
    while (words >> setting) {
      const auto value = setting.substr(setting.find('=') + 1);
      if (setting.starts_with("append_bytes="))
        config.append_bytes = std::stoull(value);
      else if (setting.starts_with("tail_bytes="))
        config.log_tail_bytes = std::stoull(value);
      else if (setting.starts_with("voters="))
        voters = std::stoull(value);
      else if (setting == "pre_vote=off")
        config.pre_vote = false;
      else
        throw std::runtime_error{"unknown setting: " + setting};
    }
    cluster_.emplace(members, config, 1, watcher_, voters);
  }

  cluster_member& member(std::istream& words) {
    std::uint64_t id = 0;
    words >> id;
    return cluster_->member({id});
  }

  cluster_member& running(std::istream& words) {
    return running(member(words).id());
  }

  cluster_member& running(member_id id) {
    auto& result = cluster_->member(id);
    if (!result.runs())
      cluster_->start(id);
    return result;
  }

  void crash(cluster_member& member) {
    member.crash(0);
    crashed_.insert(member.id());
  }

  void restart(cluster_member& member) {
    crashed_.erase(member.id());
    running(member.id());
  }

  void prepare_disk(std::istream& words) {
    auto& disk = member(words).disk;
    std::string setting;
    while (words >> setting) {
      const auto value = setting.substr(setting.find('=') + 1);
      if (setting.starts_with("term="))
        disk.hard.term = {std::stoull(value)};
      else if (setting.starts_with("vote="))
        disk.hard.voted_for = {std::stoull(value)};
      else if (setting.starts_with("log="))
        prepare_log(disk, value);
      else
        throw std::runtime_error{"unknown setting: " + setting};
    }
  }

  static void prepare_log(member_disk& disk, const std::string& terms) {
    std::istringstream list{terms};
    std::string term;
    while (std::getline(list, term, ','))
      disk.log.push_back({.id = {{std::stoull(term)}, {disk.log.size() + 1}}, .payload = {}});
  }

  void campaign(std::istream& words) {
    auto& candidate = running(words);
    const auto term = candidate.state().term();
    const auto said = cluster_->network.size();
    while (candidate.state().term() == term && cluster_->network.size() == said)
      candidate.take(tick{});
  }

  void pass_time(std::istream& words) {
    auto& member = running(words);
    int ticks = 1;
    words >> ticks;
    for (; ticks > 0; --ticks)
      member.take(tick{});
  }

  void change(std::istream& words) {
    using what = configuration_step::what;
    static const std::map<std::string, what> kinds = {{"add", what::add_voter},
                                                      {"add_learner", what::add_learner},
                                                      {"promote", what::promote},
                                                      {"remove", what::remove}};
    auto& at = running(words);
    configuration_change change;
    std::string kind;
    std::uint64_t id = 0;
    while (words >> kind >> id)
      change.steps.push_back({kinds.at(kind), {id}, {}, {}});
    at.take(propose{
      {{.counter = ++counter_, .kind = entry_kind::configuration, .payload = encode(change)}}});
  }

  void hand_over(std::istream& words) {
    auto& from = running(words);
    from.take(transfer_leadership{++counter_, member(words).id()});
  }

  template <class Link>
  void tell_of_link(std::istream& words) {
    auto& of = running(words);
    of.take(Link{member(words).id()});
  }

  void install_snapshot(std::istream& words) {
    auto& from = running(words);
    auto& to = member(words);
    const auto last = cluster_->install_snapshot(from.id(), to.id());
    cluster_->start(to.id());
    from.take(snapshot_result{to.id(), last, true});
  }

  void apply(cluster_member& by) {
    while (by.has_to_apply())
      by.apply_next();
  }

  void propose_text(std::istream& words) {
    auto& to = running(words);
    std::string payload;
    words >> payload;
    to.take(propose{{{.counter = ++counter_, .payload = blob{payload}}}});
  }

  void read_at(std::istream& words) {
    auto& at = running(words);
    std::uint64_t round = 0;
    words >> round;
    at.take(read_index_request{round});
  }

  /// Hands over, or loses, what is on its way now.
  void pass(std::istream& words, bool lost) {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    const bool all = !(words >> from >> to);
    auto position = std::size_t{0};
    for (auto left = cluster_->network.size(); left > 0; --left) {
      const auto& next = cluster_->network[position];
      if (!all && (next.from != member_id{from} || next.to != member_id{to})) {
        ++position;
        continue;
      }
      if (!lost && !crashed_.contains(next.to))
        running(next.to);
      if (lost)
        cluster_->network.erase(cluster_->network.begin() + static_cast<std::ptrdiff_t>(position));
      else
        cluster_->deliver(position);
    }
  }

  void write(cluster_member& by) {
    if (by.open_writes() == 0)
      throw std::runtime_error{"nothing to write"};
    by.complete_write();
    by.hear_from_disk();
  }

  void settle() {
    bool busy = true;
    while (busy) {
      std::istringstream everything;
      busy = !cluster_->network.empty();
      pass(everything, false);
      for (const auto& [id, member] : cluster_->members())
        while (member->open_writes() > 0) {
          busy = true;
          write(*member);
        }
    }
  }

  void apply_all() {
    for (const auto& [id, member] : cluster_->members())
      if (member->runs())
        apply(*member);
  }

  void show() {
    for (const auto& [id, member] : cluster_->members()) {
      watcher_.out << id.value << ": ";
      if (!member->runs()) {
        watcher_.out << "down\n";
        continue;
      }
      const auto status = member->status();
      const auto& log = member->state().log();
      watcher_.out << text(status.role) << " term=" << status.term.value
                   << " leader=" << status.leader.value << " commit=" << status.commit.value
                   << " log="
                   << text(
                        log.slice(log.before_first().index + 1, log.last().index, ~std::size_t{0}))
                   << "\n";
    }
  }

  scribe watcher_;
  std::optional<core_cluster> cluster_;
  std::set<member_id> crashed_;
  std::uint64_t counter_ = 0;
  const std::map<std::string, std::function<void(std::istream&)>> commands_ = {
    {"disk-of", [this](auto& words) { prepare_disk(words); }},
    {"campaign", [this](auto& words) { campaign(words); }},
    {"tick", [this](auto& words) { pass_time(words); }},
    {"change", [this](auto& words) { change(words); }},
    {"transfer", [this](auto& words) { hand_over(words); }},
    {"lost", [this](auto& words) { tell_of_link<link_lost>(words); }},
    {"found", [this](auto& words) { tell_of_link<link_found>(words); }},
    {"snapshot", [this](auto& words) { install_snapshot(words); }},
    {"apply", [this](auto&) { apply_all(); }},
    {"propose", [this](auto& words) { propose_text(words); }},
    {"read", [this](auto& words) { read_at(words); }},
    {"deliver", [this](auto& words) { pass(words, false); }},
    {"drop", [this](auto& words) { pass(words, true); }},
    {"write", [this](auto& words) { write(running(words)); }},
    {"settle", [this](auto&) { settle(); }},
    {"crash", [this](auto& words) { crash(member(words)); }},
    {"start", [this](auto& words) { restart(member(words)); }},
    {"show", [this](auto&) { show(); }},
  };
};

} // namespace

std::string play_dialogue(const std::string& script) {
  stage actors;
  std::istringstream lines{script};
  std::ostringstream played;
  std::string line;
  bool in_output = false;
  while (std::getline(lines, line)) {
    if (in_output) {
      // What is recorded makes room for what happens now.
      if (!line.empty())
        continue;
      in_output = false;
    }
    played << line << "\n";
    if (line == "----") {
      in_output = true;
      played << actors.take_output();
    } else if (!line.empty() && line[0] != '#') {
      try {
        actors.run(line);
      } catch (const std::exception& error) {
        return played.str() + "----\nerror: " + error.what() + "\n";
      }
    }
  }
  return played.str();
}

} // namespace troupe::raft
