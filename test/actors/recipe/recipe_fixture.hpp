#pragma once

#include "actors/edge/status_table.hpp"
#include "actors/recipe/recipe_core.hpp"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"
#include "test/actors/recipe/fake_service.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace troupe::recipe {

using namespace std::chrono_literals;

/// The recipes between clients and a fake service. A client call is named by its stream.
class recipe_fixture : public testing::Test {
protected:
  static constexpr std::uint32_t inner_edge = 99;

  /// Begins a call. Nothing of it is served before `run` or `serve`.
  int begin(rpc_method method, const google::protobuf::MessageLite& request,
            bool require_leader = false) {
    auto metadata = std::make_shared<call_metadata>();
    metadata->token = "who";
    metadata->require_leader = require_leader;
    tell_core({.kind = call_event::what::request,
               .call = {0, 1, ++last_},
               .method = method,
               .body = blob{request.SerializeAsString()},
               .metadata = metadata});
    return last_;
  }

  int lock(const std::string& name, std::int64_t lease) {
    v3lockpb::LockRequest request;
    request.set_name(name);
    request.set_lease(lease);
    return begin(rpc_method::lock_lock, request);
  }

  int unlock(const std::string& key) {
    v3lockpb::UnlockRequest request;
    request.set_key(key);
    return begin(rpc_method::lock_unlock, request);
  }

  int campaign(const std::string& name, std::int64_t lease, const std::string& value) {
    v3electionpb::CampaignRequest request;
    request.set_name(name);
    request.set_lease(lease);
    request.set_value(value);
    return begin(rpc_method::election_campaign, request);
  }

  int look_at(rpc_method method, const std::string& name, bool require_leader = false) {
    v3electionpb::LeaderRequest request;
    request.set_name(name);
    return begin(method, request, require_leader);
  }

  int observe(const std::string& name, bool require_leader = false) {
    return look_at(rpc_method::election_observe, name, require_leader);
  }

  void tell_core(call_event event) {
    event.call.edge = 0;
    event.call.connection = 1;
    recipe_output out;
    core.on(call_batch{{std::move(event)}}, now, out);
    take(std::move(out));
  }

  void cancel(int stream) {
    tell_core({.kind = call_event::what::cancel, .call = {0, 1, stream}});
  }

  void writable(int stream) {
    tell_core({.kind = call_event::what::writable, .call = {0, 1, stream}});
  }

  void pass(std::chrono::nanoseconds time) {
    now += time;
    recipe_output out;
    core.on_tick(now, out);
    take(std::move(out));
  }

  void deliver(std::vector<rpc_answer>&& answers) {
    recipe_output out;
    core.on(rpc_answers{std::move(answers)}, now, out);
    take(std::move(out));
  }

  /// Serves one event of some inner call.
  void serve(std::uint64_t choice = 0) {
    deliver(service.serve(choice));
  }

  /// Until nobody has anything to say.
  void run() {
    do {
      while (!service.waiting.empty())
        serve();
      deliver(service.tell());
    } while (!service.waiting.empty());
  }

  void take(recipe_output&& out) {
    for (const auto& event : out.inner) {
      EXPECT_EQ(event.call.edge, inner_edge);
      bool begins = event.kind == call_event::what::request || event.kind == call_event::what::open;
      EXPECT_EQ(event.metadata ? event.metadata->token : "", begins ? "who" : "");
    }
    service.take(std::move(out.inner));
    for (auto& answer : out.answers) {
      EXPECT_EQ(answer.call.edge, 0u);
      EXPECT_TRUE(ended_.insert({answer.call.stream, false}).first->second == false)
        << "an answer after the end";
      ended_[answer.call.stream] = answer.ends;
      answers_[answer.call.stream].push_back(std::move(answer));
    }
  }

  /// All that a client was told since it was last asked, in words.
  std::string told(int stream) {
    std::string text;
    for (const auto& answer : std::exchange(answers_[stream], {}))
      text += (text.empty() ? "" : "; ") + words(answer);
    return text;
  }

  bool ended(int stream) {
    return ended_[stream];
  }

  recipe_limits limits{.edge = inner_edge};
  recipe_core core{limits};
  test::fake_service service;
  time_point now{};

private:
  static std::string words(const rpc_answer& answer) {
    if (answer.error != errc::none) {
      const auto& row = status_of(answer.error);
      EXPECT_TRUE(answer.ends);
      EXPECT_EQ(row.code, grpc_code::unknown);
      return "error: " + (answer.detail.empty() ? std::string{row.text} : answer.detail);
    }
    return std::string{answer.ends ? "end " : ""} + std::to_string(answer.message.size())
           + " bytes";
  }

protected:
  /// The only answer of a call that has succeeded. @pre there is one.
  template <class Response>
  Response answer(int stream) {
    auto answers = std::exchange(answers_[stream], {});
    Response response;
    EXPECT_EQ(answers.size(), 1u);
    if (answers.size() != 1)
      return response;
    EXPECT_EQ(answers[0].error, errc::none) << answers[0].detail;
    EXPECT_TRUE(answers[0].ends);
    EXPECT_TRUE(response.ParseFromArray(answers[0].message.view().data(),
                                        static_cast<int>(answers[0].message.size())));
    EXPECT_EQ(response.header().member_id(), 7u);
    return response;
  }

  /// "key@revision" of a lock that was taken; "" as long as the caller waits.
  std::string taken(int stream) {
    if (answers_[stream].empty())
      return "";
    auto response = answer<v3lockpb::LockResponse>(stream);
    return response.key() + "@" + std::to_string(response.header().revision());
  }

  /// "key=value@revision" of all that an observer was shown since it was last asked.
  std::string seen(int stream) {
    std::string text;
    for (const auto& answer : std::exchange(answers_[stream], {})) {
      v3electionpb::LeaderResponse response;
      EXPECT_TRUE(answer.has_message) << words(answer);
      EXPECT_TRUE(response.ParseFromArray(answer.message.view().data(),
                                          static_cast<int>(answer.message.size())));
      text += (text.empty() ? "" : " ") + response.kv().key() + "=" + response.kv().value() + "@"
              + std::to_string(response.header().revision());
    }
    return text;
  }

private:
  int last_ = 0;
  std::map<int, std::vector<rpc_answer>> answers_;
  std::map<int, bool> ended_;
};

} // namespace troupe::recipe
