/* Stands in for the libc calls that write, resize and sync. See descriptors.h. */
#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- writes. All come down to one: `offset` < 0 means the descriptor's own position. */

static ssize_t raw_write(int fd, const struct iovec* parts, int count, off_t offset, int flags) {
  if (offset < 0 && flags == 0)
    return syscall(SYS_writev, fd, parts, count);
  return syscall(SYS_pwritev2, fd, parts, count, (unsigned long)offset, 0UL, flags);
}

static ssize_t watched_write(int fd, const struct iovec* parts, int count, off_t offset,
                             int flags) {
  size_t length = 0;
  for (int i = 0; i < count; ++i)
    length += parts[i].iov_len;
  enum action action = arrive(KIND_WRITE);
  if (action == FAIL)
    return -1;
  struct iovec half = {count > 0 ? parts[0].iov_base : NULL,
                       count > 0 ? (parts[0].iov_len + 1) / 2 : 0};
  if (action == SHORT) {
    parts = &half;
    count = 1;
    length = half.iov_len;
  }
  model_lock();
  struct file* file = descriptors[fd].file;
  if (file == NULL)
    give_up("a file was closed during a write to it");
  off_t at = offset;
  if (offset < 0 || (fcntl(fd, F_GETFL) & O_APPEND) != 0)
    at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? file_size(file) : lseek(fd, 0, SEEK_CUR);
  file_will_change(file, at, (off_t)length);
  ssize_t written = raw_write(fd, parts, count, offset, flags & ~(RWF_DSYNC | RWF_SYNC));
  int error = errno;
  bool syncs = descriptors[fd].syncs_itself || (flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  if (written > 0 && syncs && !syncs_are_ignored())
    file_range_synced(file, at, written);
  model_unlock();
  errno = error;
  return written;
}

ssize_t write(int fd, const void* from, size_t length) {
  if (!is_watched(fd))
    return syscall(SYS_write, fd, from, length);
  struct iovec part = {(void*)from, length};
  return watched_write(fd, &part, 1, -1, 0);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  return is_watched(fd) ? watched_write(fd, parts, count, -1, 0)
                        : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void* from, size_t length, off_t offset) {
  if (!is_watched(fd) || offset < 0)
    return syscall(SYS_pwrite64, fd, from, length, offset);
  struct iovec part = {(void*)from, length};
  return watched_write(fd, &part, 1, offset, 0);
}

ssize_t pwrite64(int fd, const void* from, size_t length, off_t offset) {
  return pwrite(fd, from, length, offset);
}

ssize_t pwritev2(int fd, const struct iovec* parts, int count, off_t offset, int flags) {
  if (!is_watched(fd) || offset < -1)
    return syscall(SYS_pwritev2, fd, parts, count, (unsigned long)offset, 0UL, flags);
  return watched_write(fd, parts, count, offset, flags);
}

ssize_t pwritev64v2(int fd, const struct iovec* parts, int count, off_t offset, int flags) {
  return pwritev2(fd, parts, count, offset, flags);
}

ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t offset) {
  if (!is_watched(fd) || offset < 0)
    return syscall(SYS_pwritev, fd, parts, count, (unsigned long)offset, 0UL);
  return watched_write(fd, parts, count, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec* parts, int count, off_t offset) {
  return pwritev(fd, parts, count, offset);
}

/* Callers fall back to write. */
ssize_t copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t length,
                        unsigned flags) {
  if (is_watched(out)) {
    errno = EXDEV;
    return -1;
  }
  return syscall(SYS_copy_file_range, in, in_offset, out, out_offset, length, flags);
}

ssize_t sendfile(int out, int in, off_t* offset, size_t length) {
  if (is_watched(out)) {
    errno = EINVAL;
    return -1;
  }
  return syscall(SYS_sendfile, out, in, offset, length);
}

ssize_t sendfile64(int out, int in, off_t* offset, size_t length) {
  return sendfile(out, in, offset, length);
}

void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  if (fd >= 0 && (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && is_watched(fd)) {
    errno = ENODEV; /* writes through memory would not be seen */
    return MAP_FAILED;
  }
  return (void*)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

void* mmap64(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap(address, length, protection, flags, fd, offset);
}

/* ---- sizes */

int ftruncate(int fd, off_t size) {
  if (!is_watched(fd))
    return (int)syscall(SYS_ftruncate, fd, size);
  if (arrive(KIND_TRUNCATE) != GO_ON)
    return -1;
  model_lock();
  file_will_resize(descriptors[fd].file, size);
  int result = (int)syscall(SYS_ftruncate, fd, size);
  int error = errno;
  model_unlock();
  errno = error;
  return result;
}

int ftruncate64(int fd, off_t size) {
  return ftruncate(fd, size);
}

int truncate(const char* path, off_t size) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  int result = ftruncate(fd, size);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

int truncate64(const char* path, off_t size) {
  return truncate(path, size);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  if (!is_watched(fd))
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
  if (arrive(KIND_FALLOCATE) != GO_ON)
    return -1;
  if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  model_lock();
  if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0)
    file_will_change(descriptors[fd].file, offset, length);
  int result = (int)syscall(SYS_fallocate, fd, mode, offset, length);
  int error = errno;
  model_unlock();
  errno = error;
  return result;
}

int fallocate64(int fd, int mode, off_t offset, off_t length) {
  return fallocate(fd, mode, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  int error = errno;
  int result = fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
  errno = error;
  return result;
}

int posix_fallocate64(int fd, off_t offset, off_t length) {
  return posix_fallocate(fd, offset, length);
}

/* ---- syncs */

static void take_effect(int fd) {
  model_lock();
  if (!syncs_are_ignored()) {
    if (descriptors[fd].file != NULL)
      file_synced(descriptors[fd].file);
    else if (descriptors[fd].directory != NULL)
      directory_synced(descriptors[fd].directory);
  }
  model_unlock();
}

static int watched_sync(int fd, enum kind kind) {
  if (!is_watched(fd) && !is_watched_directory(fd))
    return (int)syscall(kind == KIND_FSYNC ? SYS_fsync : SYS_fdatasync, fd);
  long microseconds;
  if (arrive_sync(kind, &microseconds) != GO_ON) {
    int error = errno;
    model_lock();
    if (descriptors[fd].file != NULL)
      file_sync_failed(descriptors[fd].file);
    model_unlock();
    sleep_microseconds(microseconds);
    errno = error;
    return -1;
  }
  model_lock();
  bool at_once = draw(2) == 0;
  model_unlock();
  if (at_once)
    take_effect(fd);
  sleep_microseconds(microseconds);
  if (!at_once)
    take_effect(fd);
  return 0;
}

int fsync(int fd) {
  return watched_sync(fd, KIND_FSYNC);
}

int fdatasync(int fd) {
  return watched_sync(fd, KIND_FDATASYNC);
}

/* Starts writing back, promises nothing: metadata and the disk's cache are not flushed. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
  if (!is_watched(fd))
    return (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
  return arrive(KIND_SYNC_FILE_RANGE) == GO_ON ? 0 : -1;
}

void sync(void) {
  syscall(SYS_sync);
  if (!watching() || syncs_are_ignored())
    return;
  model_lock();
  all_files_synced();
  all_directories_synced();
  model_unlock();
}

int syncfs(int fd) {
  if (!is_watched(fd) && !is_watched_directory(fd))
    return (int)syscall(SYS_syncfs, fd);
  if (arrive(KIND_FSYNC) != GO_ON)
    return -1;
  if (!syncs_are_ignored()) {
    model_lock();
    all_files_synced();
    all_directories_synced();
    model_unlock();
  }
  return 0;
}
