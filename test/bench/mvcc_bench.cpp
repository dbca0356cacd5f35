// What the state machine costs: CPU time per operation on the RocksDB engine, without network, log
// and Raft. storage/format.md quotes it.
//
//   mvcc_bench DIRECTORY [KEYS]      DIRECTORY must not exist; it is left behind. KEYS: 1000000.
#include "storage/mvcc/store.hpp"
#include "storage/rocksdb_engine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <time.h>

namespace {

using namespace troupe;

double seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// Runs `work`, which does `operations`, and prints time and CPU of this thread and of all.
void measure(const char* what, double operations, const std::function<void()>& work) {
  const auto wall = seconds(CLOCK_MONOTONIC);
  const auto own = seconds(CLOCK_THREAD_CPUTIME_ID);
  const auto all = seconds(CLOCK_PROCESS_CPUTIME_ID);
  work();
  const auto per = [&](double since, clockid_t clock) {
    return (seconds(clock) - since) * 1e6 / operations;
  };
  std::printf("%-58s %10.2f us %10.2f us cpu %10.2f us cpu all threads\n", what,
              per(wall, CLOCK_MONOTONIC), per(own, CLOCK_THREAD_CPUTIME_ID),
              per(all, CLOCK_PROCESS_CPUTIME_ID));
  std::fflush(stdout);
}

/// 32 bytes, in no order.
std::string key(std::uint64_t n) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx",
                static_cast<unsigned long long>(n * 0x9e3779b97f4a7c15u),
                static_cast<unsigned long long>(n));
  return text;
}

class bench {
public:
  bench(const std::string& directory, std::uint64_t keys)
      : keys_(keys), directory_(directory), engine_(open_engine()), store_(open_store()) {
    for (int i = 0; i < 50; ++i) {
      std::string value(256, ' ');
      for (auto& byte : value)
        byte = static_cast<char>('a' + random_() % 26);
      values_.push_back(std::move(value));
    }
  }

  void run() {
    puts();
    gets();
    counts();
    lists();
    hot_key();
    removal();
    reopen();
  }

private:
  std::unique_ptr<storage::rocksdb_engine> open_engine() {
    return std::make_unique<storage::rocksdb_engine>(directory_, storage::rocksdb_options{});
  }

  std::unique_ptr<mvcc::store> open_store() {
    return std::make_unique<mvcc::store>(*engine_);
  }

  void put(const std::string& k) {
    store_->begin()->put(k, values_[random_() % values_.size()], {}, false);
  }

  void commit() {
    store_->commit({term_t{1}, log_index{++index_}});
  }

  void put_many(const char* what, std::uint64_t puts, std::size_t batch,
                const std::function<std::string()>& next) {
    measure(what, static_cast<double>(puts), [&] {
      for (std::uint64_t i = 0; i < puts;) {
        for (std::size_t b = 0; b < batch && i < puts; ++b, ++i)
          put(next());
        commit();
      }
    });
  }

  std::string any() {
    return key(random_() % keys_);
  }

  void puts() {
    std::uint64_t n = 0;
    for (std::uint64_t million = 0; million * 1'000'000 < keys_; ++million)
      put_many(("put of a new key, batches of 64, million " + std::to_string(million + 1)).c_str(),
               std::min<std::uint64_t>(1'000'000, keys_ - n), 64, [&] { return key(n++); });
    measure("refine counts after that, per key", static_cast<double>(keys_), [&] { refine(); });
    put_many("put of an old key, batches of 64", keys_ / 4, 64, [&] { return any(); });
    put_many("put of an old key, batches of 512", keys_ / 4, 512, [&] { return any(); });
    put_many("put of an old key, batches of 1", keys_ / 8, 1, [&] { return any(); });
    put_many("put of one of 1000 keys, batches of 64", keys_ / 4, 64,
             [&] { return key(random_() % 1000); });
  }

  void refine() {
    while (store_->refine_counts(4096)) {
    }
  }

  void get_many(const char* what, std::int64_t at, const std::function<std::string()>& next) {
    const std::uint64_t gets = 100'000;
    measure(what, static_cast<double>(gets), [&] {
      for (std::uint64_t i = 0; i < gets; ++i) {
        const auto view = store_->snapshot();
        std::optional<mvcc::key_value> found;
        view->get(next(), at == 0 ? view->revision() : at, found);
      }
    });
  }

  void gets() {
    get_many("get, newest", 0, [&] { return any(); });
    get_many("get, newest, one of 1000 keys", 0, [&] { return key(random_() % 1000); });
    get_many("get, newest, missing key", 0, [&] { return key(keys_ + random_() % keys_); });
    get_many("get at the revision after the load", static_cast<std::int64_t>(keys_),
             [&] { return any(); });
  }

  void count_many(const char* what, int counts, std::int64_t back = 0) {
    std::int64_t keys = 0;
    measure(what, counts, [&] {
      for (int i = 0; i < counts; ++i) {
        const auto view = store_->snapshot();
        view->count({"", std::nullopt}, view->revision() - back, keys);
      }
    });
    if (static_cast<std::uint64_t>(keys) != keys_)
      std::printf("wrong count %lld\n", static_cast<long long>(keys));
  }

  void counts() {
    count_many("count of all keys", 1000);
    count_many("count of all keys 1000 revisions back", 1000, 1000);
    std::int64_t keys = 0;
    measure("count of a random range", 1000, [&] {
      for (int i = 0; i < 1000; ++i) {
        const auto view = store_->snapshot();
        auto a = any();
        auto b = any();
        if (b < a)
          std::swap(a, b);
        view->count({a, b}, view->revision(), keys);
      }
    });
    count_many("count of all keys at the revision after the load", 1,
               store_->revision() - static_cast<std::int64_t>(keys_) - 1);
  }

  void list(const char* what, std::int64_t at) {
    measure(what, static_cast<double>(keys_), [&] {
      const auto view = store_->snapshot();
      std::size_t bytes = 0;
      view->visit({"", std::nullopt}, at == 0 ? view->revision() : at,
                  [&](const mvcc::key_value_view& kv) {
                    bytes += kv.value.size();
                    return true;
                  });
    });
  }

  void lists() {
    list("list of all keys, newest, per key", 0);
    list("list of all keys at the revision after the load, per key",
         static_cast<std::int64_t>(keys_));
  }

  void hot_key() {
    const auto first = store_->revision() + 1;
    put_many("put of one key 10,000 times, batches of 64", 10'000, 64, [] { return key(7); });
    get_many("get of a key with 10,000 versions, newest", 0, [] { return key(7); });
    get_many("get of a key with 10,000 versions, in the middle", first + 5000,
             [] { return key(7); });
    store_->flush();
    get_many("the same, flushed", first + 5000, [] { return key(7); });
    measure("replay of 10,000 events", 10'000, [&] {
      const auto view = store_->snapshot();
      view->visit_events(first, view->revision(), [](mvcc::event&&) { return true; });
    });
  }

  void removal() {
    print_sizes("before compaction");
    store_->compact(store_->revision());
    commit();
    measure("removal of history", 1, [&] { store_->remove_history(true); });
    print_sizes("after compaction");
    get_many("get, newest, after it", 0, [&] { return any(); });
    list("list of all keys, after it", 0);
  }

  void print_sizes(const char* when) const {
    const auto sizes = engine_->sizes();
    std::printf("%s: %llu MiB on disk, %llu live, %llu unflushed, %llu versions\n", when,
                static_cast<unsigned long long>(sizes.on_disk >> 20),
                static_cast<unsigned long long>(sizes.live >> 20),
                static_cast<unsigned long long>(sizes.unflushed >> 20),
                static_cast<unsigned long long>(sizes.versions));
  }

  void reopen() {
    store_.reset();
    measure("close", 1, [&] { engine_.reset(); });
    measure("open", 1, [&] {
      engine_ = open_engine();
      store_ = open_store();
    });
    count_many("count of all keys, not yet refined", 1);
    measure("refine counts, per key", static_cast<double>(keys_), [&] { refine(); });
    count_many("count of all keys", 1000);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("largest RSS %ld MiB\n", usage.ru_maxrss >> 10);
  }

  const std::uint64_t keys_;
  const std::string directory_;
  std::mt19937_64 random_{1};
  std::vector<std::string> values_;
  std::unique_ptr<storage::rocksdb_engine> engine_;
  std::unique_ptr<mvcc::store> store_;
  std::uint64_t index_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: mvcc_bench DIRECTORY [KEYS]; DIRECTORY must not exist\n");
    return 2;
  }
  bench{argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000}.run();
}
