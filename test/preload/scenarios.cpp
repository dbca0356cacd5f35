/// What the processes of preload_test do: `scenarios NAME DIRECTORY`. Most end by cutting their own
/// power.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

void require(bool condition, const char* what) {
  if (!condition) {
    std::perror(what);
    std::exit(1);
  }
}

#define REQUIRE(condition) require(condition, #condition)

[[noreturn]] void cut_power() {
  raise(SIGUSR2);
  for (;;)
    pause();
}

int open_file(const char* name, int flags = O_WRONLY | O_CREAT) {
  const int fd = open(name, flags | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  return fd;
}

void put(int fd, const std::string& text) {
  REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

void put_at(int fd, const std::string& text, off_t offset) {
  REQUIRE(pwrite(fd, text.data(), text.size(), offset) == static_cast<ssize_t>(text.size()));
}

void sync_directory(const char* name = ".") {
  const int fd = open_file(name, O_RDONLY | O_DIRECTORY);
  REQUIRE(fsync(fd) == 0);
  close(fd);
}

void append() {
  const int fd = open_file("log");
  put(fd, "synced;");
  REQUIRE(fdatasync(fd) == 0);
  sync_directory();
  put(fd, "lost;");
  cut_power();
}

void overwrite() {
  const int fd = open_file("file");
  put_at(fd, "new", 0);
  put_at(fd, std::string(3000, 'n'), 4000);
  put_at(fd, "tail", 12000);
  REQUIRE(close(fd) == 0);
  cut_power();
}

void overwrite_all() {
  put(open_file("file"), std::string(64 * 1024, 'n'));
  cut_power();
}

void append_much() {
  put(open_file("file", O_WRONLY | O_APPEND), std::string(20000, 'n'));
  cut_power();
}

void truncate_file() {
  REQUIRE(truncate("file", 5000) == 0);
  const int fd = open_file("file");
  REQUIRE(ftruncate(fd, 100) == 0);
  put_at(fd, "new", 200);
  cut_power();
}

void open_truncating() {
  put(open_file("file", O_WRONLY | O_CREAT | O_TRUNC), "new");
  cut_power();
}

void allocate() {
  const int fd = open_file("file");
  sync_directory();
  REQUIRE(posix_fallocate(fd, 0, 100000) == 0);
  REQUIRE(fallocate(fd, 0, 0, 200000) == 0);
  put_at(fd, "x", 150000);
  cut_power();
}

void self_syncing() {
  const int plain = open_file("file");
  sync_directory();
  put_at(plain, std::string(18500, 'p'), 0);
  const int fd = open_file("file", O_WRONLY | O_DSYNC);
  put_at(fd, std::string(1000, 's'), 9000);
  put_at(fd, std::string(1000, 's'), 19000);
  put_at(plain, "p", 30000);
  cut_power();
}

void direct() {
  void* block = std::aligned_alloc(4096, 4096);
  const int fd = open_file("file", O_WRONLY | O_CREAT | O_DIRECT);
  sync_directory();
  std::fill_n(static_cast<char*>(block), 4096, 's');
  REQUIRE(pwrite(fd, block, 4096, 0) == 4096);
  REQUIRE(fdatasync(fd) == 0);
  std::fill_n(static_cast<char*>(block), 4096, 'p');
  REQUIRE(pwrite(fd, block, 4096, 0) == 4096);
  REQUIRE(pwrite(fd, block, 4096, 4096) == 4096);
  cut_power();
}

void vectored() {
  const int fd = open_file("file", O_WRONLY | O_CREAT | O_APPEND);
  sync_directory();
  char ab[] = "ab", cd[] = "cd";
  const iovec parts[] = {{ab, 2}, {cd, 2}};
  REQUIRE(writev(fd, parts, 2) == 4);
  REQUIRE(fsync(fd) == 0);
  REQUIRE(writev(fd, parts, 2) == 4);
  REQUIRE(pwritev(open_file("file"), parts, 2, 1) == 4);
  cut_power();
}

void stdio() {
  std::FILE* file = std::fopen("file", "w");
  sync_directory();
  std::fputs("synced\n", file);
  REQUIRE(std::fflush(file) == 0 && fsync(fileno(file)) == 0);
  std::fputs("lost\n", file);
  REQUIRE(std::fclose(file) == 0);
  cut_power();
}

void copied_descriptor() {
  const int fd = open_file("log");
  sync_directory();
  const int copy = dup(fd);
  put(copy, "synced;");
  REQUIRE(fsync(fd) == 0);
  close(fd);
  put(copy, "lost;");
  cut_power();
}

void new_file() {
  put(open_file("with_directory_synced"), "x");
  REQUIRE(fsync(open_file("with_directory_synced")) == 0);
  sync_directory();
  const int fd = open_file("with_directory_unsynced");
  put(fd, "x");
  REQUIRE(fsync(fd) == 0);
  cut_power();
}

void write_temporary() {
  const int fd = open_file("CURRENT.tmp", O_WRONLY | O_CREAT | O_TRUNC);
  put(fd, "new");
  REQUIRE(fsync(fd) == 0);
  close(fd);
  REQUIRE(rename("CURRENT.tmp", "CURRENT") == 0);
}

void rename_file() {
  write_temporary();
  cut_power();
}

void rename_synced() {
  write_temporary();
  sync_directory();
  cut_power();
}

void unlink_file() {
  REQUIRE(unlink("file") == 0);
  put(open_file("file"), "another");
  REQUIRE(unlink("file") == 0);
  cut_power();
}

void new_directory() {
  REQUIRE(mkdir("synced", 0700) == 0);
  sync_directory();
  put(open_file("synced/file"), "x");
  REQUIRE(fsync(open_file("synced/file")) == 0);
  sync_directory("synced");
  REQUIRE(mkdir("unsynced", 0700) == 0);
  put(open_file("unsynced/file"), "x");
  REQUIRE(fsync(open_file("unsynced/file")) == 0);
  sync_directory("unsynced");
  cut_power();
}

void rename_directory() {
  REQUIRE(rename("old", "new") == 0);
  put(open_file("new/other"), "y");
  cut_power();
}

void remove_directory() {
  REQUIRE(unlink("old/file") == 0);
  REQUIRE(rmdir("old") == 0);
  cut_power();
}

void failed_sync() {
  const int fd = open_file("log");
  sync_directory();
  put_at(fd, "one", 0);
  REQUIRE(fdatasync(fd) == 0);
  put_at(fd, "two", 3);
  REQUIRE(fdatasync(fd) != 0 && errno == EIO);
  REQUIRE(fdatasync(fd) == 0); // as on Linux: the pages are clean, and lost
  const int self_syncing = open_file("log", O_WRONLY | O_DSYNC);
  put_at(self_syncing, "three", 6);
  cut_power();
}

void full_disk() {
  const int fd = open_file("file");
  put(fd, "1");
  put(fd, "2");
  REQUIRE(write(fd, "3", 1) < 0 && errno == ENOSPC);
  REQUIRE(write(fd, "4", 1) < 0 && errno == ENOSPC);
}

void short_write() {
  const int fd = open_file("file");
  REQUIRE(write(fd, "123456", 6) == 3);
  REQUIRE(write(fd, "456", 3) == 3);
}

void delayed() {
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(fsync(open_file("file")) == 0);
  REQUIRE(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds{50});
}

void mapping() {
  const int fd = open_file("file", O_RDWR | O_CREAT);
  REQUIRE(ftruncate(fd, 4096) == 0);
  REQUIRE(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED
          && errno == ENODEV);
  REQUIRE(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
}

/// Acknowledges each synced record by one byte in a file that every write syncs itself.
void write_records(int thread) {
  const int log = open_file(("log" + std::to_string(thread)).c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  const int acknowledged = open_file(("acknowledged" + std::to_string(thread)).c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC);
  REQUIRE(fsync(acknowledged) == 0);
  sync_directory();
  for (int record = 0;; ++record) {
    put(log, std::string(100, static_cast<char>('a' + record % 26)));
    REQUIRE(fdatasync(log) == 0);
    put(acknowledged, "x");
  }
}

void threads() {
  std::vector<std::thread> writers;
  for (int thread = 0; thread < 4; ++thread)
    writers.emplace_back(write_records, thread);
  std::this_thread::sleep_for(std::chrono::milliseconds{60});
  cut_power();
}

const std::map<std::string, std::function<void()>> scenarios{
  {"append", append},
  {"overwrite", overwrite},
  {"overwrite_all", overwrite_all},
  {"append_much", append_much},
  {"truncate", truncate_file},
  {"open_truncating", open_truncating},
  {"allocate", allocate},
  {"self_syncing", self_syncing},
  {"direct", direct},
  {"vectored", vectored},
  {"stdio", stdio},
  {"copied_descriptor", copied_descriptor},
  {"new_file", new_file},
  {"rename", rename_file},
  {"rename_synced", rename_synced},
  {"unlink", unlink_file},
  {"new_directory", new_directory},
  {"rename_directory", rename_directory},
  {"remove_directory", remove_directory},
  {"failed_sync", failed_sync},
  {"full_disk", full_disk},
  {"short_write", short_write},
  {"delayed", delayed},
  {"mapping", mapping},
  {"threads", threads}};

} // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !scenarios.contains(argv[1]) || chdir(argv[2]) != 0) {
    std::cerr << "usage: scenarios NAME DIRECTORY\n";
    return 1;
  }
  scenarios.at(argv[1])();
}
