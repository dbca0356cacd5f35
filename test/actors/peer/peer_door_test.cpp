/// Sockets, handshakes and certificates, without actors.

#include "actors/peer/acceptor.hpp"
#include "actors/peer/dialer.hpp"
#include "test/actors/peer/certificates.hpp"
#include "test/actors/peer/member_stand_in.hpp"
#include "test/actors/peer/raw_client.hpp"

#include <atomic>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <random>
#include <sys/resource.h>

namespace troupe::peer {
namespace {

using namespace std::chrono_literals;

/// A door on the loopback; who gets through is counted and kept.
class open_door {
public:
  explicit open_door(std::shared_ptr<tls::tls_context> tls = nullptr,
                     waiting_room::limits limits = {}, std::chrono::milliseconds deadline = 500ms)
      : room(std::make_shared<waiting_room>(limits)),
        door({.listen = {{"127.0.0.1", 0}}, .deadline = deadline, .reload = 20ms},
             std::make_shared<real_clock>(), std::move(tls), room) {
    door.start([this](arrival guest) {
      std::scoped_lock lock{mutex};
      guests.push_back(std::move(guest));
      changed.notify_all();
    });
  }

  ~open_door() {
    door.stop();
  }

  bool await_guests(std::size_t count, std::chrono::milliseconds patience = 5s) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, patience, [&] { return guests.size() >= count; });
  }

  std::size_t count() {
    std::scoped_lock lock{mutex};
    return guests.size();
  }

  host_and_port address() const {
    return door.addresses().front();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<arrival> guests;
  std::shared_ptr<waiting_room> room;
  acceptor door;
};

/// What a peer's first message begins with.
std::string opening() {
  std::string result(header_bytes, '\0');
  result[0] = 1;
  result[7] = 40;
  return result + std::string(40, 'n');
}

TEST(acceptor, lets_in_who_begins_as_a_peer) {
  open_door door;
  auto peer = connect_to(door.address().port);
  auto bytes = opening();
  // In two pieces: less than a header is not a reason to turn somebody away.
  ASSERT_EQ(send(peer.get(), bytes.data(), 10, 0), 10);
  EXPECT_FALSE(door.await_guests(1, 50ms));
  send(peer.get(), bytes.data() + 10, bytes.size() - 10, 0);
  ASSERT_TRUE(door.await_guests(1));
  std::string left(bytes.size(), '\0');
  recv(door.guests.front().from.socket.get(), left.data(), left.size(), 0);
  EXPECT_EQ(left, bytes) << "what was looked at is still there";
}

TEST(acceptor, closes_on_garbage_and_on_silence_within_its_deadline) {
  open_door door;
  auto garbage = connect_to(door.address().port);
  auto silent = connect_to(door.address().port);
  auto one_byte = connect_to(door.address().port);
  auto half_open = connect_to(door.address().port);
  std::string request = "GET / HTTP/1.1\r\nHost: troupe\r\n\r\n.....";
  send(garbage.get(), request.data(), request.size(), 0);
  send(one_byte.get(), "\1", 1, 0);
  send(half_open.get(), "\1", 1, 0);
  shutdown(half_open.get(), SHUT_WR);
  EXPECT_TRUE(is_closed(garbage, 300ms));
  EXPECT_TRUE(is_closed(half_open, 300ms));
  auto cpu = cpu_used();
  EXPECT_TRUE(is_closed(silent, 2s));
  EXPECT_TRUE(is_closed(one_byte, 2s));
  EXPECT_LT(cpu_used() - cpu, 100ms) << "who waits for them does not spin";
  EXPECT_EQ(door.count(), 0u);
}

TEST(acceptor, an_address_has_no_more_newcomers_than_it_may) {
  open_door door{nullptr, {.in_total = 20, .per_address = 4}, 10s};
  std::vector<unique_socket> silent;
  for (int i = 0; i < 4; ++i)
    silent.push_back(connect_to(door.address().port));
  auto deadline = std::chrono::steady_clock::now() + 5s;
  while (door.room->taken() < 4 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  ASSERT_EQ(door.room->taken(), 4u);
  EXPECT_TRUE(is_closed(connect_to(door.address().port)));
  EXPECT_FALSE(is_closed(silent.front(), 0ms)) << "those inside stay";
}

TEST(acceptor, without_descriptors_it_rests_and_then_goes_on) {
  open_door door;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  auto before = limit;
  std::vector<unique_socket> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // None above those that are open now.
  limit.rlim_cur = static_cast<rlim_t>(waiting.back().get()) + 1;
  setrlimit(RLIMIT_NOFILE, &limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(door.address().port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto bytes = opening();
  for (auto& socket : waiting) {
    connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    send(socket.get(), bytes.data(), bytes.size(), 0);
  }
  auto cpu = cpu_used();
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(cpu_used() - cpu, 100ms);
  EXPECT_EQ(door.count(), 0u);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(door.await_guests(4));
}

TEST(acceptor, random_bytes_open_nothing) {
  open_door door{nullptr, {}, 200ms};
  std::mt19937 random{5};
  for (int i = 0; i < 300; ++i) {
    auto client = connect_to(door.address().port);
    auto bytes = random_bytes(random, random() % 200);
    if (!bytes.empty() && bytes[0] == 1)
      bytes[0] = 2;
    send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  auto peer = connect_to(door.address().port);
  auto bytes = opening();
  auto sent = send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  // The address may have too many guests for another 200 ms.
  while (!door.await_guests(1, 100ms)) {
    peer = connect_to(door.address().port);
    sent = send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  EXPECT_GT(sent, 0);
  EXPECT_EQ(door.count(), 1u);
}

std::optional<connection> dial(const host_and_port& where, std::shared_ptr<tls::tls_context> tls,
                               std::string& why, dialer::options options = {}) {
  dialer way{{{where, tls != nullptr}}, options, std::make_shared<real_clock>(), tls};
  return way.dial(why);
}

TEST(dialer, says_why_at_once_when_nobody_listens) {
  unique_socket reserved{listen_on({"127.0.0.1", 0}).release()};
  auto where = local_end(reserved.get());
  reserved = unique_socket{};
  std::string why;
  auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(dial(where, nullptr, why));
  EXPECT_NE(why.find("Connection refused"), std::string::npos) << why;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 500ms);
}

TEST(dialer, the_next_address_gets_its_turn_while_the_first_is_silent) {
  open_door door;
  silent_listener nobody;
  auto silent = nobody.where();
  std::string why;
  dialer way{{{silent, false}, {door.address(), false}},
             {.patience = 5s},
             std::make_shared<real_clock>(),
             nullptr};
  auto began = std::chrono::steady_clock::now();
  auto opened = way.dial(why);
  ASSERT_TRUE(opened) << why;
  EXPECT_EQ(opened->other_end, door.address());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  // Alone, the silent one costs no more than the patience.
  began = std::chrono::steady_clock::now();
  EXPECT_FALSE(dial(silent, nullptr, why, {.patience = 300ms}));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
}

TEST(dialer, can_be_cancelled) {
  std::promise<void> asked;
  std::promise<void> release;
  auto blocked = release.get_future().share();
  auto hangs = [&, blocked](const host_and_port&, std::string&) {
    asked.set_value();
    blocked.wait();
    return std::vector<socket_address>{};
  };
  dialer way{{{{"peer.example", 1}, false}},
             {.patience = 60s},
             std::make_shared<real_clock>(),
             nullptr,
             hangs};
  auto done = std::async(std::launch::async, [&] {
    std::string why;
    return way.dial(why).has_value();
  });
  asked.get_future().wait();
  way.cancel();
  EXPECT_EQ(done.wait_for(5s), std::future_status::ready);
  EXPECT_FALSE(done.get());
  release.set_value();
}

TEST(resolver, a_look_up_that_is_late_goes_on_and_the_last_good_answer_counts) {
  struct names {
    std::mutex mutex;
    std::condition_variable changed;
    int asked = 0;
    int answered = 0;
    int may_answer = 1;
  };
  auto state = std::make_shared<names>();
  auto lookup = [state](const host_and_port&, std::string&) {
    std::unique_lock lock{state->mutex};
    ++state->asked;
    state->changed.wait(lock, [&] { return state->answered < state->may_answer; });
    ++state->answered;
    socket_address found;
    found.size = static_cast<socklen_t>(state->answered);
    return std::vector<socket_address>{found};
  };
  resolver it{{"peer.example", 1}, lookup};
  std::string why;
  EXPECT_EQ(it.resolve(5s, why).at(0).size, 1u);
  EXPECT_EQ(it.resolve(20ms, why).at(0).size, 1u) << "the old answer, for the new one is late";
  EXPECT_EQ(it.resolve(20ms, why).at(0).size, 1u);
  std::unique_lock lock{state->mutex};
  EXPECT_EQ(state->asked, 2) << "one look-up at a time";
  state->may_answer = 10;
  state->changed.notify_all();
  lock.unlock();
  EXPECT_GE(it.resolve(5s, why).at(0).size, 2u);
}

// --- certificates

class certificates_test : public ::testing::Test {
protected:
  tls::tls_options options_for(const certificate_files& files) {
    return {.certificate = files.certificate, .key = files.key, .ca = ours.file()};
  }

  std::shared_ptr<tls::tls_context> context_for(const certificate_files& files) {
    return std::make_shared<tls::tls_context>(options_for(files));
  }

  /// Whether a client with these certificates gets through a door with those; if so, says its first
  /// message. @param why what the client hears.
  bool gets_through(open_door& door, const std::shared_ptr<tls::tls_context>& client,
                    std::string& why) {
    auto opened = dial(door.address(), client, why);
    if (!opened)
      return false;
    auto before = door.count();
    auto bytes = opening();
    std::size_t moved = 0;
    opened->tls->write(bytes.data(), bytes.size(), moved);
    return door.await_guests(before + 1, 300ms);
  }

  bool gets_through(const std::shared_ptr<tls::tls_context>& server,
                    const std::shared_ptr<tls::tls_context>& client) {
    open_door door{server};
    std::string why;
    return gets_through(door, client, why);
  }

  temp_directory directory;
  certificate_authority ours{directory.path / "ours"};
  certificate_authority theirs{directory.path / "theirs"};
  certificate_files good = ours.issue();
};

TEST_F(certificates_test, members_of_one_authority_reach_each_other) {
  EXPECT_TRUE(gets_through(context_for(good), context_for(ours.issue())));
}

TEST_F(certificates_test, a_client_of_another_authority_is_refused) {
  auto foreign = theirs.issue();
  auto options = options_for(foreign);
  EXPECT_FALSE(
    gets_through(context_for(good), std::make_shared<tls::tls_context>(std::move(options))));
}

TEST_F(certificates_test, a_server_of_another_authority_is_refused) {
  auto foreign = theirs.issue();
  tls::tls_options options{
    .certificate = foreign.certificate, .key = foreign.key, .ca = theirs.file()};
  options.client_certificates = false;
  open_door door{std::make_shared<tls::tls_context>(std::move(options))};
  std::string why;
  EXPECT_FALSE(gets_through(door, context_for(good), why));
  EXPECT_NE(why.find("certificate"), std::string::npos) << why;
}

TEST_F(certificates_test, a_client_without_certificate_is_refused) {
  open_door door{context_for(good)};
  // OpenSSL's own client, which has none.
  auto command = "openssl s_client -connect " + to_string(door.address()) + " -CAfile "
                 + ours.file().string() + " </dev/null >/dev/null 2>&1";
  [[maybe_unused]] auto result = std::system(command.c_str());
  EXPECT_FALSE(door.await_guests(1, 200ms));
  std::string why;
  EXPECT_TRUE(gets_through(door, context_for(good), why)) << why;
}

TEST_F(certificates_test, old_versions_of_tls_are_refused) {
  open_door door{context_for(good)};
  auto with = [&](const std::string& version) {
    auto command = "openssl s_client -connect " + to_string(door.address()) + " -CAfile "
                   + ours.file().string() + " -cert " + good.certificate.string() + " -key "
                   + good.key.string() + " " + version
                   + " -cipher 'DEFAULT@SECLEVEL=0' </dev/null >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  };
  EXPECT_FALSE(with("-tls1_1"));
  EXPECT_TRUE(with("-tls1_2"));
}

TEST_F(certificates_test, a_revoked_certificate_is_refused_also_by_an_expired_list) {
  auto revoked = ours.issue();
  for (int valid_seconds : {3600, -60}) {
    auto options = options_for(good);
    options.crl = ours.revoke("crl.pem", {revoked.serial}, valid_seconds);
    auto server = std::make_shared<tls::tls_context>(std::move(options));
    EXPECT_FALSE(gets_through(server, context_for(revoked))) << valid_seconds;
    EXPECT_TRUE(gets_through(server, context_for(ours.issue()))) << valid_seconds;
  }
}

TEST_F(certificates_test, an_expired_certificate_is_refused) {
  EXPECT_FALSE(gets_through(context_for(good), context_for(ours.issue({.valid_seconds = -60}))));
}

TEST_F(certificates_test, the_server_must_be_named_as_its_url) {
  auto elsewhere = ours.issue({.alternative_names = "DNS:other.example,IP:10.1.1.1"});
  open_door door{context_for(elsewhere)};
  std::string why;
  EXPECT_FALSE(gets_through(door, context_for(good), why));
  EXPECT_NE(why.find("IP address mismatch"), std::string::npos) << why;
}

TEST_F(certificates_test, only_the_allowed_name_gets_through) {
  auto options = options_for(good);
  options.allowed_common_name = "friend";
  auto server = std::make_shared<tls::tls_context>(options);
  EXPECT_TRUE(gets_through(server, context_for(ours.issue({.common_name = "friend"}))));
  EXPECT_FALSE(gets_through(server, context_for(ours.issue({.common_name = "friend2"}))));
  options.allowed_common_name.clear();
  options.allowed_host = "peer.example";
  server = std::make_shared<tls::tls_context>(options);
  EXPECT_TRUE(
    gets_through(server, context_for(ours.issue({.alternative_names = "DNS:peer.example"}))));
  EXPECT_FALSE(gets_through(server, context_for(ours.issue())));
}

TEST_F(certificates_test, plain_against_tls_fails_in_both_directions) {
  open_door secured{context_for(good)};
  auto plain = connect_to(secured.address().port);
  auto bytes = opening();
  send(plain.get(), bytes.data(), bytes.size(), 0);
  EXPECT_TRUE(is_closed(plain, 300ms));
  EXPECT_EQ(secured.count(), 0u);
  open_door unsecured;
  std::string why;
  EXPECT_FALSE(dial(unsecured.address(), context_for(good), why, {.patience = 2s}));
  EXPECT_EQ(unsecured.count(), 0u);
}

TEST_F(certificates_test, a_member_with_tls_opens_no_connection_without) {
  open_door door;
  dialer way{{{door.address(), false}}, {}, std::make_shared<real_clock>(), context_for(good)};
  std::string why;
  EXPECT_FALSE(way.dial(why));
  EXPECT_THAT(why, testing::HasSubstr("without TLS"));
}

// A failed handshake must not end another connection of the thread (caf::openssl did).
TEST_F(certificates_test, failed_handshakes_do_not_harm_those_beside_them) {
  open_door door{context_for(good)};
  std::string why;
  auto healthy = dial(door.address(), context_for(good), why);
  ASSERT_TRUE(healthy) << why;
  for (int i = 0; i < 5; ++i) {
    auto garbage = connect_to(door.address().port);
    send(garbage.get(), "GET / HTTP/1.1\r\n\r\n", 18, 0);
    is_closed(garbage, 1s);
  }
  auto bytes = opening();
  std::size_t moved = 0;
  EXPECT_EQ(healthy->tls->write(bytes.data(), bytes.size(), moved), tls::outcome::done);
  EXPECT_TRUE(door.await_guests(1));
}

TEST_F(certificates_test, a_silent_client_ends_by_the_deadline_of_its_handshake) {
  open_door door{context_for(good), {}, 300ms};
  auto silent = connect_to(door.address().port);
  auto cpu = cpu_used();
  EXPECT_TRUE(is_closed(silent, 2s));
  EXPECT_LT(cpu_used() - cpu, 100ms);
}

TEST_F(certificates_test, new_files_count_at_once_and_bad_ones_leave_the_old_in_use) {
  auto options = options_for(good);
  options.certificate = directory.path / "own.pem";
  options.key = directory.path / "own.key";
  auto use = [&](const certificate_files& files) {
    auto overwrite = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(files.key, options.key, overwrite);
    std::filesystem::copy_file(files.certificate, options.certificate, overwrite);
  };
  use(good);
  auto context = std::make_shared<tls::tls_context>(options);
  auto pem = [&] {
    std::ifstream file{good.certificate};
    return std::string{std::istreambuf_iterator<char>{file}, {}};
  }();
  std::ofstream{options.certificate} << pem.substr(0, pem.size() / 2);
  auto why = context->reload();
  ASSERT_TRUE(why) << "half written";
  EXPECT_NE(why->find("own.pem"), std::string::npos) << *why;
  EXPECT_TRUE(gets_through(context, context_for(ours.issue())));
  EXPECT_FALSE(context->reload_if_changed()) << "it has been looked at";
  EXPECT_EQ(context->reloads().refused, 1u);
  use(ours.issue({.alternative_names = "DNS:other.example"}));
  EXPECT_FALSE(context->reload_if_changed());
  EXPECT_EQ(context->reloads().loaded, 1u);
  EXPECT_FALSE(gets_through(context, context_for(good))) << "the new one is for another host";
}

TEST_F(certificates_test, files_that_cannot_be_used_are_named) {
  auto message = [&](auto change) -> std::string {
    auto options = options_for(good);
    change(options);
    try {
      tls::tls_context{options};
    } catch (const tls::tls_error& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_THAT(message([](auto& x) { x.certificate = "/nowhere/a.pem"; }),
              testing::HasSubstr("/nowhere/a.pem"));
  EXPECT_THAT(message([](auto& x) { x.ca = "/nowhere/ca.pem"; }),
              testing::HasSubstr("/nowhere/ca.pem"));
  EXPECT_THAT(message([](auto& x) { x.crl = "/nowhere/crl.pem"; }),
              testing::HasSubstr("/nowhere/crl.pem"));
  auto other = ours.issue();
  EXPECT_THAT(message([&](auto& x) { x.key = other.key; }), testing::HasSubstr("mismatch"));
}

} // namespace
} // namespace troupe::peer
