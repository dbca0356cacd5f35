/// `rocksdb_writer DIRECTORY`: checks the database there, then writes until it is killed. RocksDB
/// as the state machine uses it: three families, no write-ahead log, atomic flushes, the applied
/// index in the batch of its effects. Prints "opened N" (everything up to index N is there, and
/// nothing else) and "flushed N" (it will stay); exits with 1 if families disagree.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <rocksdb/db.h>
#include <string>
#include <vector>

namespace {

constexpr uint64_t keys = 1000;
constexpr uint64_t events_kept = 20000;
constexpr uint64_t flush_interval = 3000;

enum family : size_t { meta, data, events };

[[noreturn]] void fail(const std::string& why) {
  std::cout << "failed: " << why << std::endl;
  std::exit(1);
}

void require(const rocksdb::Status& status) {
  if (!status.ok())
    fail(status.ToString());
}

std::string number(uint64_t value) {
  auto text = std::to_string(value);
  return std::string(20 - text.size(), '0') + text;
}

struct database {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;

  explicit database(const std::string& directory) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.atomic_flush = true;
    options.write_buffer_size = 256 << 10;
    options.target_file_size_base = 256 << 10;
    rocksdb::DB* opened = nullptr;
    require(rocksdb::DB::Open(options, directory,
                              {{"default", options}, {"data", options}, {"events", options}},
                              &families, &opened));
    db.reset(opened);
  }

  uint64_t applied() {
    std::string value;
    const auto status = db->Get({}, families[meta], "applied", &value);
    if (status.IsNotFound())
      return 0;
    require(status);
    return std::stoull(value);
  }

  void apply(uint64_t index) {
    rocksdb::WriteBatch batch;
    batch.Put(families[meta], "applied", number(index));
    batch.Put(families[data], number(index % keys), number(index) + std::string(200, 'v'));
    batch.Put(families[events], number(index), "event");
    if (index > events_kept)
      batch.Delete(families[events], number(index - events_kept));
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    require(db->Write(options, &batch));
  }

  void check(uint64_t applied) {
    const uint64_t first_event = applied > events_kept ? applied - events_kept + 1 : 1;
    uint64_t expected = first_event;
    std::unique_ptr<rocksdb::Iterator> event{db->NewIterator({}, families[events])};
    for (event->SeekToFirst(); event->Valid(); event->Next(), ++expected)
      if (event->key() != number(expected))
        fail("event " + event->key().ToString() + " where " + number(expected) + " should be");
    require(event->status());
    if (expected != applied + 1)
      fail("events end before " + number(expected) + ", applied is " + number(applied));
    for (uint64_t index = applied; index > 0 && index + keys > applied; --index) {
      std::string value;
      require(db->Get({}, families[data], number(index % keys), &value));
      if (value.substr(0, 20) != number(index))
        fail("data of " + value.substr(0, 20) + " where " + number(index) + " should be");
    }
  }
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  database store{argv[1]};
  auto index = store.applied();
  store.check(index);
  std::cout << "opened " << index << std::endl;
  for (;;) {
    store.apply(++index);
    if (index % flush_interval == 0) {
      require(store.db->Flush({}, store.families));
      std::cout << "flushed " << index << std::endl;
    }
  }
}
