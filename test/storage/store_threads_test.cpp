// One thread applies, others read, refine, flush and remove beside it; meant for the thread
// sanitizer.
#include "storage/mvcc/store.hpp"
#include "test/storage/engine_machine.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace troupe::mvcc {
namespace {

using storage::engine_kind;

constexpr int transactions = 1500;

std::string key(char side, std::size_t n) {
  return side + std::to_string(1000 + n);
}

class threads {
public:
  explicit threads(engine_kind kind)
      : machine_(storage::make_machine(kind)), engine_(machine_->open("store")),
        store_(*engine_,
               {.head_cache_bytes = 4096, .count = {.bucket_keys = 4, .recent_bytes = 10'000}}) {
    put_all();
    store_.commit({term_t{1}, log_index{1}});
  }

  void run() {
    std::vector<std::thread> others;
    for (unsigned seed = 1; seed <= 3; ++seed)
      others.emplace_back([this, seed] { read(seed); });
    others.emplace_back([this] { keep_house(); });
    apply();
    done_ = true;
    for (auto& thread : others)
      thread.join();
  }

private:
  /// Each transaction changes a key on both sides alike and notes its own revision.
  void put_all() {
    const auto txn = store_.begin();
    txn->put("revision", "2", {}, false);
    for (std::size_t n = 0; n < 50; ++n) {
      txn->put(key('a', n), "1", {}, false);
      txn->put(key('b', n), "1", {}, false);
    }
  }

  void apply() {
    std::mt19937 random{99};
    for (std::uint64_t i = 2; i < transactions; ++i) {
      {
        const auto txn = store_.begin();
        txn->put("revision", std::to_string(store_.revision() + 1), {}, false);
        const auto n = random() % 100;
        const bool gone = random() % 3 == 0;
        for (const auto side : {'a', 'b'}) {
          if (gone)
            txn->delete_range(key_range::of(key(side, n), {}), nullptr);
          else
            txn->put(key(side, n), std::to_string(i), {}, false);
        }
      }
      if (i % 200 == 0)
        store_.compact(store_.revision() - 20);
      if (i % 3 == 0)
        store_.commit({term_t{1}, log_index{i}});
    }
    store_.commit({term_t{1}, log_index{transactions}});
  }

  void keep_house() {
    for (int i = 0; !done_; ++i) {
      store_.refine_counts(30);
      if (i % 20 == 0)
        store_.flush();
      if (store_.history_to_remove())
        store_.remove_history(i % 2 == 0);
      EXPECT_LE(store_.flushed().index.value, std::uint64_t{transactions});
      std::this_thread::yield();
    }
  }

  void read(unsigned seed) {
    std::mt19937 random{seed};
    std::int64_t seen = 0;
    while (!done_) {
      const auto view = store_.snapshot();
      EXPECT_GE(view->revision(), seen);
      seen = view->revision();
      read_at(*view, seen);
      read_at(*view, std::max<std::int64_t>(2, seen - static_cast<std::int64_t>(random() % 300)));
      read_events(*view, std::max<std::int64_t>(1, seen - 30));
    }
  }

  static void read_at(const mvcc::snapshot& view, std::int64_t at) {
    std::optional<key_value> found;
    const auto result = view.get("revision", at, found);
    if (result == errc::compacted)
      return;
    ASSERT_EQ(result, errc::none);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->value, std::to_string(at));
    std::int64_t a = 0;
    std::int64_t b = 0;
    std::int64_t walked = 0;
    std::string sides[2];
    const auto show = [&](const key_value_view& kv) {
      sides[kv.key[0] - 'a'] += std::string{kv.key.substr(1)} + "=" + std::string{kv.value} + " ";
      ++walked;
      return true;
    };
    for (const auto read : {view.count({"a", "b"}, at, a), view.count({"b", "c"}, at, b),
                            view.visit({"a", "c"}, at, show)})
      if (read == errc::compacted)
        return;
    EXPECT_EQ(a, b);
    EXPECT_EQ(a + b, walked);
    EXPECT_EQ(sides[0], sides[1]);
  }

  static void read_events(const mvcc::snapshot& view, std::int64_t first) {
    std::int64_t next = first;
    const auto result = view.visit_events(first, view.revision(), [&](event&& e) {
      if (e.kv.key == "revision") {
        EXPECT_EQ(e.at.main, std::max<std::int64_t>(next, 2));
        EXPECT_EQ(e.kv.value, std::to_string(e.at.main));
        next = e.at.main + 1;
      }
      return true;
    });
    if (result != errc::compacted) {
      EXPECT_EQ(next, view.revision() + 1);
    }
  }

  std::unique_ptr<storage::engine_machine> machine_;
  std::unique_ptr<storage::engine> engine_;
  store store_;
  std::atomic<bool> done_ = false;
};

class store_threads_test : public testing::TestWithParam<engine_kind> {};

TEST_P(store_threads_test, readers_see_whole_transactions_and_right_counts) {
  threads{GetParam()}.run();
}

INSTANTIATE_TEST_SUITE_P(both, store_threads_test,
                         testing::Values(engine_kind::memory, engine_kind::rocksdb),
                         [](const auto& info) { return storage::kind_name(info.param); });

} // namespace
} // namespace troupe::mvcc
