#include "actors/snapshot/receiver_core.hpp"
#include "actors/snapshot/sender_core.hpp"
#include "storage/crc32c.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::snapshot {
namespace {

constexpr member_id leader{1};
constexpr member_id follower{2};
constexpr entry_id at{{3}, {100}};

std::uint32_t checksum_of(std::string_view bytes) {
  return storage::crc32c(std::as_bytes(std::span{bytes}));
}

snapshot_file file_of(std::string name, std::string_view content) {
  return {std::move(name), content.size(), checksum_of(content)};
}

/// Sender and receiver with their disks, and the messages between them in the test's hand.
struct transfer_pair {
  using message = std::variant<snapshot_offer, snapshot_request, snapshot_chunk, snapshot_end>;

  explicit transfer_pair(std::map<std::string, std::string> content, sender_limits sending = {},
                         receiver_limits receiving = {})
      : source(std::move(content)), sender(leader, 1, sending), receiver(follower, receiving) {}

  void want() {
    sender_output out;
    sender.on(snapshot_wanted{follower, {5}}, out);
    carry_out(std::move(out));
  }

  void tick() {
    sender_output sent;
    sender.on_tick(sent);
    carry_out(std::move(sent));
    receiver_output received;
    receiver.on_tick(received);
    carry_out(std::move(received));
  }

  void deliver(std::size_t position) {
    auto next = std::move(way[position]);
    way.erase(way.begin() + static_cast<std::ptrdiff_t>(position));
    deliver(next);
  }

  void deliver(const message& next) {
    sender_output sent;
    receiver_output received;
    if (auto* offer = std::get_if<snapshot_offer>(&next))
      receiver.on(*offer, applied, received);
    else if (auto* chunk = std::get_if<snapshot_chunk>(&next))
      receiver.on(*chunk, received);
    else if (auto* request = std::get_if<snapshot_request>(&next))
      sender.on(*request, sent);
    else
      sender.on(std::get<snapshot_end>(next), sent);
    carry_out(std::move(sent));
    carry_out(std::move(received));
  }

  void deliver_all() {
    while (!way.empty())
      deliver(0);
  }

  void carry_out(sender_output out) {
    for (auto& [to, offer] : out.offers)
      way.push_back(std::move(offer));
    for (const auto& piece : out.to_read) {
      auto bytes = source.at(made.files.at(piece.file).name).substr(piece.offset, piece.bytes);
      sent_bytes += bytes.size();
      auto checksum = checksum_of(bytes);
      way.push_back(snapshot_chunk{leader, piece.transfer, piece.file, piece.offset, checksum,
                                   blob{std::move(bytes)}});
    }
    results.insert(results.end(), out.results.begin(), out.results.end());
    discarded += out.discard ? 1 : 0;
    if (out.prepare) {
      ++prepared;
      made = {at, {}};
      for (const auto& [name, content] : source)
        made.files.push_back(file_of(name, content));
      sender_output next;
      sender.on_prepared(made, next);
      carry_out(std::move(next));
    }
  }

  void carry_out(receiver_output out) {
    if (out.begin) {
      std::map<std::string, std::string> kept;
      for (auto file : out.begin->kept)
        kept[out.begin->what.files[file].name] = target.at(out.begin->what.files[file].name);
      target = std::move(kept);
      taking = out.begin->what;
      for (const auto& file : taking.files)
        target[file.name].resize(file.bytes);
    }
    for (const auto& piece : out.to_write) {
      auto& content = target.at(taking.files.at(piece.file).name);
      content.replace(piece.offset, piece.content.size(), piece.content.view());
    }
    for (auto& request : out.requests)
      way.push_back(request);
    if (out.complete)
      completed = *out.complete;
    if (out.end)
      way.push_back(out.end->second);
    for (auto file : out.to_check) {
      if (spoil_next_file && !target.at(taking.files[file].name).empty()) {
        target.at(taking.files[file].name)[0] ^= 1;
        spoil_next_file = false;
      }
      receiver_output next;
      const auto& wanted = taking.files.at(file);
      checked.push_back(wanted.name);
      receiver.on_checked(file, checksum_of(target.at(wanted.name)) == wanted.checksum, next);
      carry_out(std::move(next));
    }
  }

  std::map<std::string, std::string> source;
  std::map<std::string, std::string> target;
  sender_core sender;
  receiver_core receiver;
  log_index applied{5};
  checkpoint made;
  snapshot_offer taking;
  std::vector<message> way;
  std::vector<snapshot_result> results;
  std::optional<entry_id> completed;
  std::vector<std::string> checked;
  bool spoil_next_file = false;
  std::uint64_t sent_bytes = 0;
  int prepared = 0;
  int discarded = 0;
};

std::map<std::string, std::string> some_content(std::mt19937_64& random) {
  std::map<std::string, std::string> content;
  for (auto files = 1 + random() % 6; files > 0; --files) {
    std::string bytes(random() % 3 == 0 ? 0 : random() % 5'000, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    content["file" + std::to_string(files)] = std::move(bytes);
  }
  return content;
}

const std::map<std::string, std::string> two_files{{"a", std::string(1000, 'a')},
                                                   {"b", std::string(300, 'b')}};

constexpr sender_limits small_sender{.chunk_bytes = 100};
constexpr receiver_limits small_receiver{.chunk_bytes = 100, .chunks_in_flight = 4};

TEST(snapshot_core, takes_a_state_over_and_says_so) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.want();
  pair.deliver_all();
  EXPECT_EQ(pair.completed, at);
  EXPECT_EQ(pair.target, two_files);
  ASSERT_EQ(pair.results.size(), 1u);
  EXPECT_TRUE(pair.results[0].installed);
  EXPECT_EQ(pair.results[0].at, at);
  EXPECT_EQ(pair.discarded, 1);
  EXPECT_EQ(pair.sent_bytes, 1300u);
}

TEST(snapshot_core, no_more_is_under_way_than_the_receiver_can_take) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.want();
  while (!pair.way.empty()) {
    EXPECT_LE(pair.way.size(), 4u);
    pair.deliver(0);
  }
}

TEST(snapshot_core, the_sender_leaves_the_disk_to_others_beyond_its_share) {
  auto limits = small_sender;
  limits.bytes_per_tick = 200;
  transfer_pair pair{two_files, limits, small_receiver};
  pair.want();
  pair.deliver_all();
  EXPECT_EQ(pair.sent_bytes, 200u);
  pair.tick();
  pair.deliver_all();
  EXPECT_EQ(pair.sent_bytes, 400u);
}

TEST(snapshot_core, a_state_that_is_not_ahead_is_declined) {
  transfer_pair pair{two_files};
  pair.applied = at.index;
  pair.want();
  pair.deliver_all();
  EXPECT_FALSE(pair.completed);
  ASSERT_EQ(pair.results.size(), 1u);
  EXPECT_FALSE(pair.results[0].installed);
}

TEST(snapshot_core, an_older_state_does_not_end_the_transfer_of_a_newer_one) {
  transfer_pair pair{two_files};
  pair.want();
  pair.deliver(0);
  receiver_output out;
  pair.receiver.on(snapshot_offer{{3}, 9, {{3}, {50}}, {file_of("c", "c")}}, {5}, out);
  EXPECT_FALSE(out.begin);
  ASSERT_TRUE(out.end);
  EXPECT_EQ(out.end->first, member_id{3});
  pair.deliver_all();
  EXPECT_EQ(pair.completed, at);
}

TEST(snapshot_core, names_that_lead_elsewhere_are_refused) {
  for (std::string name : {"", "../a", "a/b", ".", "..", ".hidden"}) {
    receiver_core receiver{follower};
    receiver_output out;
    receiver.on(snapshot_offer{leader, 1, at, {file_of(name, "x")}}, {5}, out);
    EXPECT_FALSE(out.begin) << name;
    EXPECT_TRUE(out.end) << name;
  }
  receiver_core receiver{follower};
  receiver_output out;
  receiver.on(snapshot_offer{leader, 1, at, {file_of("a", "x"), file_of("a", "y")}}, {5}, out);
  EXPECT_FALSE(out.begin) << "twice the same name";
}

TEST(snapshot_core, a_file_that_is_wrong_on_disk_is_asked_for_again) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.spoil_next_file = true;
  pair.want();
  pair.deliver_all();
  EXPECT_EQ(pair.completed, at);
  EXPECT_EQ(pair.target, two_files);
  EXPECT_GT(pair.sent_bytes, 1300u);
}

TEST(snapshot_core, a_file_that_stays_wrong_ends_the_transfer) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.want();
  while (!pair.way.empty()) {
    pair.spoil_next_file = true;
    pair.deliver(0);
  }
  EXPECT_FALSE(pair.completed);
  ASSERT_EQ(pair.results.size(), 1u);
  EXPECT_FALSE(pair.results[0].installed);
}

TEST(snapshot_core, what_is_on_disk_already_is_not_sent_again) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.want();
  while (pair.checked.empty())
    pair.deliver(0);
  // The link breaks for good; the sender gives up and makes a new checkpoint later.
  pair.way.clear();
  for (int i = 0; i < 250; ++i) {
    pair.tick();
    pair.way.clear();
  }
  ASSERT_EQ(pair.results.size(), 1u);
  EXPECT_FALSE(pair.results[0].installed);
  EXPECT_FALSE(pair.receiver.busy());
  pair.source["b"] = std::string(300, 'c');
  pair.sent_bytes = 0;
  pair.want();
  pair.deliver_all();
  EXPECT_EQ(pair.completed, at);
  EXPECT_EQ(pair.target, pair.source);
  EXPECT_EQ(pair.sent_bytes, 300u) << "\"a\" was there";
}

TEST(snapshot_core, a_failed_checkpoint_is_a_failed_snapshot) {
  sender_core sender{leader, 1};
  sender_output out;
  sender.on(snapshot_wanted{follower, {5}}, out);
  EXPECT_TRUE(out.prepare);
  sender_output next;
  sender.on_prepared(std::nullopt, next);
  ASSERT_EQ(next.results.size(), 1u);
  EXPECT_FALSE(next.results[0].installed);
}

TEST(snapshot_core, requests_for_what_is_not_there_are_ignored) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.want();
  auto reads = [&](snapshot_request request) {
    sender_output out;
    pair.sender.on(request, out);
    return out.to_read.size();
  };
  EXPECT_EQ(reads({follower, 1, 0, 0, 100}), 1u);
  EXPECT_EQ(reads({follower, 1, 2, 0, 100}), 0u);
  EXPECT_EQ(reads({follower, 1, 0, 901, 100}), 0u);
  EXPECT_EQ(reads({follower, 1, 0, UINT64_MAX, 100}), 0u);
  EXPECT_EQ(reads({follower, 1, 0, 0, 101}), 0u);
  EXPECT_EQ(reads({follower, 1, 0, 0, 0}), 0u);
  EXPECT_EQ(reads({follower, 2, 0, 0, 100}), 0u);
  EXPECT_EQ(reads({{3}, 1, 0, 0, 100}), 0u);
}

TEST(snapshot_core, nothing_goes_on_when_the_sender_leads_no_more) {
  transfer_pair pair{two_files, small_sender, small_receiver};
  pair.want();
  sender_output out;
  pair.sender.stop(out);
  EXPECT_TRUE(out.discard);
  pair.deliver_all();
  EXPECT_EQ(pair.sent_bytes, 0u);
}

/// Whatever is lost, doubled, late or damaged on the way: in the end the state is there, and equal.
TEST(snapshot_core, arrives_over_any_network) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random{seed};
    sender_limits sending{.chunk_bytes = 1 + static_cast<std::uint32_t>(random() % 900),
                          .bytes_per_tick = 1 + random() % 4000,
                          .offer_ticks = 3,
                          .patience_ticks = 100'000};
    receiver_limits receiving{.chunk_bytes =
                                1 + static_cast<std::uint32_t>(random() % sending.chunk_bytes),
                              .chunks_in_flight = 1 + random() % 6,
                              .retry_ticks = 3,
                              .patience_ticks = 100'000};
    transfer_pair pair{some_content(random), sending, receiving};
    pair.want();
    for (int step = 0; pair.results.empty() && step < 300'000; ++step) {
      if (pair.way.empty() || random() % 8 == 0) {
        pair.tick();
        continue;
      }
      const auto position = random() % pair.way.size();
      switch (random() % 10) {
      case 0:
        pair.way.erase(pair.way.begin() + static_cast<std::ptrdiff_t>(position));
        break;
      case 1:
        pair.deliver(transfer_pair::message{pair.way[position]});
        break;
      case 2:
        if (auto* chunk = std::get_if<snapshot_chunk>(&pair.way[position])) {
          std::string bytes{chunk->content.view()};
          bytes[random() % bytes.size()] ^= 4;
          chunk->content = blob{std::move(bytes)};
        }
        break;
      default:
        pair.deliver(position);
      }
    }
    ASSERT_EQ(pair.results.size(), 1u) << seed;
    ASSERT_TRUE(pair.results[0].installed) << seed;
    ASSERT_EQ(pair.completed, at) << seed;
    ASSERT_EQ(pair.target, pair.source) << seed;
  }
}

} // namespace
} // namespace troupe::snapshot
