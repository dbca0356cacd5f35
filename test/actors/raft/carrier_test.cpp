#include "actors/raft/core/output.hpp"
#include "test/actors/raft/core_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Notes what is done, in order.
struct diary : effects {
  void send(member_id to, peer_message message) override {
    auto kind = std::holds_alternative<append>(message) ? "append to " : "answer to ";
    lines.push_back(kind + std::to_string(to.value));
  }
  void write(persist batch) override {
    lines.push_back("write " + std::to_string(batch.batch));
  }
  void commit(std::vector<entry> entries) override {
    lines.push_back("commit " + std::to_string(entries.size()));
  }
  void refuse(propose_refused) override {
    lines.emplace_back("refuse");
  }
  void answer(read_index_reply) override {
    lines.emplace_back("read");
  }
  void answer(transfer_reply) override {
    lines.emplace_back("transfer");
  }
  void want_snapshot(snapshot_wanted) override {
    lines.emplace_back("snapshot");
  }
  void configure(configuration_changed) override {
    lines.emplace_back("configure");
  }
  void change_role(role_change) override {
    lines.emplace_back("change");
  }

  std::vector<std::string> take() {
    return std::exchange(lines, {});
  }

  std::vector<std::string> lines;
};

output step_of(std::uint64_t term, std::uint64_t batch, std::uint64_t durable_batch) {
  output step;
  step.term = {term};
  step.batch = batch;
  step.durable_batch = durable_batch;
  return step;
}

output with_answer(output step) {
  step.to_send_durable.push_back({second, request_vote_reply{step.term, us, true}});
  return step;
}

TEST(carrier, does_everything_in_its_order) {
  auto step = with_answer(step_of(1, 3, 3));
  step.to_send_now.push_back({third, append{}});
  step.committed.push_back(entry_at(1, 1));
  step.refused.emplace_back();
  step.reads.emplace_back();
  step.transfers.emplace_back();
  step.snapshots.emplace_back();
  step.configured.emplace();
  step.next_role.emplace();
  step.to_append.push_back(entry_at(1, 2));
  step.durable_batch = 3;
  diary done;
  carrier{}.carry_out(std::move(step), done);
  EXPECT_THAT(done.take(),
              ElementsAre("append to 3", "write 3", "answer to 2", "commit 1", "refuse", "read",
                          "transfer", "snapshot", "configure", "change"));
}

TEST(carrier, nothing_to_write_is_no_write) {
  diary done;
  carrier{}.carry_out(step_of(1, 3, 3), done);
  EXPECT_THAT(done.take(), IsEmpty());
}

TEST(carrier, many_committed_entries_go_in_messages_of_bounded_size) {
  auto step = step_of(1, 0, 0);
  const blob mib{std::string(1 << 20, 'x')};
  for (std::uint64_t i = 1; i <= 7; ++i)
    step.committed.push_back({.id = at(1, i), .payload = mib});
  step.committed.push_back(entry_at(1, 8, std::string(9 << 20, 'x')));
  diary done;
  carrier{}.carry_out(std::move(step), done);
  EXPECT_THAT(done.take(), ElementsAre("commit 3", "commit 3", "commit 1", "commit 1"));
}

TEST(carrier, holds_answers_until_their_batch_and_every_earlier_one_is_on_disk) {
  diary done;
  carrier carry;
  carry.carry_out(with_answer(step_of(1, 3, 1)), done);
  EXPECT_THAT(done.take(), IsEmpty());
  carry.carry_out(step_of(1, 3, 2), done);
  EXPECT_THAT(done.take(), IsEmpty());
  carry.carry_out(step_of(1, 3, 3), done);
  EXPECT_THAT(done.take(), ElementsAre("answer to 2"));
  carry.carry_out(step_of(1, 3, 3), done);
  EXPECT_THAT(done.take(), IsEmpty());
}

TEST(carrier, an_answer_without_a_write_of_its_own_waits_for_the_writes_before) {
  diary done;
  carrier carry;
  auto write = step_of(1, 3, 2);
  write.to_append.push_back(entry_at(1, 1));
  carry.carry_out(std::move(write), done);
  done.take();
  carry.carry_out(with_answer(step_of(1, 3, 2)), done);
  EXPECT_THAT(done.take(), IsEmpty());
  carry.carry_out(step_of(1, 3, 3), done);
  EXPECT_THAT(done.take(), ElementsAre("answer to 2"));
}

TEST(carrier, drops_answers_of_an_older_term) {
  diary done;
  carrier carry;
  carry.carry_out(with_answer(step_of(1, 3, 2)), done);
  carry.carry_out(step_of(2, 4, 4), done);
  EXPECT_THAT(done.take(), IsEmpty());
}

} // namespace

} // namespace troupe::raft
