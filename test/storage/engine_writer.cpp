// Writes to the RocksDB engine until it is killed: batch n puts n into every family, others between
// them touch one family alone, and compactions run all the time. Says "flushed n" once n is
// durable.
//
//   engine_writer DIRECTORY
#include "storage/rocksdb_engine.hpp"

#include <cstdio>
#include <string>
#include <thread>

int main(int argc, char** argv) {
  using namespace troupe::storage;
  if (argc != 2)
    return 2;
  rocksdb_options options;
  options.memory_bytes = 8 << 20;
  options.write_buffer_bytes = 1 << 20;
  rocksdb_engine engine{argv[1], options};
  std::string last;
  std::int64_t n = engine.latest().get(family::meta, "n", last) ? std::stoll(last) : 0;
  const auto batch = engine.make_batch();
  std::jthread compactor{[&engine] {
    for (;;)
      engine.compact(true);
  }};
  for (;;) {
    const auto number = std::to_string(++n);
    batch->clear();
    batch->put_version("key" + std::to_string(n % 50), n, number + std::string(2000, ' '));
    batch->put_version("last", n, number);
    for (auto where :
         {family::events, family::lease, family::auth, family::member, family::meta, family::v2})
      batch->put(where, "n", number);
    engine.write(*batch);
    batch->clear();
    batch->put(family::meta, "beat", number);
    engine.write(*batch);
    if (n % 300 == 0) {
      engine.flush();
      std::printf("flushed %s\n", number.c_str());
      std::fflush(stdout);
    }
    if (n % 1000 == 0) {
      engine.raise_floor(n - 500);
    }
  }
}
